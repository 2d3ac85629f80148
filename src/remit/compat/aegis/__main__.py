"""`python -m remit.compat.aegis`: as `remit compat aegis`."""

from __future__ import annotations

import sys

from remit.compat.aegis.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
