"""`python -m tfcolor VERB ...`: the command `tfcolor`."""

import sys

from tfcolor.cli import main

if __name__ == "__main__":
    sys.exit(main())
