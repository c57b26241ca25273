"""python -m tfcolor.app"""

import sys

from tfcolor.app import main

if __name__ == "__main__":
    sys.exit(main())
