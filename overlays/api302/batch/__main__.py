"""`python -m api302.batch …` is `api302 batch …`."""

import sys

from .command import main

if __name__ == "__main__":
    sys.exit(main())
