"""`python -m support_desk`, from the folder above."""

import sys

from .main import main

sys.exit(main(interactive="--interactive" in sys.argv[1:]))
