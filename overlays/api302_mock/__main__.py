"""``python -m api302_mock``: the mock on a port, until Ctrl-C."""

from __future__ import annotations

import argparse
import sys

import api302_mock


def main(argv: list[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(
        prog="api302_mock",
        description="A mock of the 302.AI API. Takes any key that begins with sk-.",
        # What holds for Python alone comes first in the docstring, and is left out.
        epilog="".join((api302_mock.__doc__ or "").partition("A `Prefer`")[1:]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: %(default)s)"
    )
    parser.add_argument(
        "--port", type=int, default=8302, help="port, 0 for a free one (default: %(default)s)"
    )
    parser.add_argument(
        "--spec",
        metavar="FILE",
        help="joined OpenAPI document (default: the one that ships with api302)",
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help="refuse query parameters and body fields that the document does not name",
    )
    parser.add_argument(
        "--polls",
        type=int,
        default=2,
        help="looks at a task that tell it is pending (default: %(default)s)",
    )
    parser.add_argument(
        "--delay",
        type=float,
        default=0.05,
        help="seconds between two events of a stream (default: %(default)s)",
    )
    parser.add_argument("--quiet", action="store_true", help="do not list the requests")
    options = parser.parse_args(argv)
    try:
        import uvicorn

        from api302_mock.app import create_app
        from api302_mock.server import address, bound, config
    except ModuleNotFoundError as error:
        print(f"api302_mock: it needs {error.name}: pip install 'api302[mock]'", file=sys.stderr)
        return 1
    try:
        app = create_app(
            options.spec, strict=options.strict, polls=options.polls, delay=options.delay
        )
        listening = bound(options.host, options.port)
    except (OSError, ValueError, OverflowError) as error:
        print(f"api302_mock: {error}", file=sys.stderr)
        return 1
    print(
        f"Mock of {app.document.raw['info']['title']} ({len(app.document.operations)} operations) at {address(listening)}",
        flush=True,
    )
    uvicorn.Server(config(app, "error" if options.quiet else "info")).run(sockets=[listening])
    return 0


if __name__ == "__main__":
    sys.exit(main())
