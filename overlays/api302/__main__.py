"""The command `api302`: `api302 mock …` starts the mock server, `api302 --version` prints the
version.
"""

from __future__ import annotations

import sys

from . import __version__


def main(arguments: list[str] | None = None) -> int:
    """Run the command; its exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["mock"]:
        try:
            from api302_mock.__main__ import main as mock
        except ImportError as error:
            print(
                f"the mock server needs more packages ({error}): pip install 'api302[mock]'",
                file=sys.stderr,
            )
            return 2
        return mock(arguments[1:]) or 0
    if arguments == ["--version"]:
        print(f"api302 {__version__}")
        return 0
    print(__doc__)
    return 0 if arguments in (["--help"], ["-h"]) else 2


if __name__ == "__main__":
    sys.exit(main())
