"""`python -m remit.cli` is `remit`."""

import sys

from remit.cli import main

sys.exit(main())
