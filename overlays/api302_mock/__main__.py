"""``python -m api302_mock``: the mock on a port, until Ctrl-C."""

from __future__ import annotations

import argparse
import sys
from contextlib import suppress

import api302_mock


def main(argv: list[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit code.
    """
    options = _parser().parse_args(argv)
    if options.proxy:
        return _proxy(options)
    try:
        import uvicorn

        from api302_mock.app import create_app
        from api302_mock.server import bound, config, url_of
    except ModuleNotFoundError as error:
        print(f"api302_mock: {api302_mock.missing(error)}", file=sys.stderr)
        return 1
    try:
        app = create_app(
            options.spec,
            strict=options.strict,
            polls=options.polls,
            pace=options.pace,
            delay=options.delay,
            webhooks=options.webhooks,
        )
        listening = bound(options.host, options.port)
    except (OSError, ValueError, OverflowError) as error:
        print(f"api302_mock: {error}", file=sys.stderr)
        return 1
    title = app.document.raw["info"]["title"]
    count = len(app.document.operations)
    print(f"Mock of {title} ({count} operations) at {url_of(listening)}", flush=True)
    server = uvicorn.Server(config(app, "error" if options.quiet else "info"))
    with suppress(KeyboardInterrupt):  # raised again once it has shut down
        server.run(sockets=[listening])
    return 0


def _proxy(options: argparse.Namespace) -> int:
    """Pass calls on until Ctrl-C; returns the exit code."""
    try:
        import uvicorn

        from api302_mock.document import Document, load
        from api302_mock.proxy import ProxyApp
        from api302_mock.realtime import load_events
        from api302_mock.server import bound, config, url_of
        from api302_mock.webhooks import is_loopback
    except ModuleNotFoundError as error:
        print(f"api302_mock: {api302_mock.missing(error)}", file=sys.stderr)
        return 1
    try:
        if not is_loopback(options.host):
            what = "the proxy carries an API key and listens on this machine alone"
            raise ValueError(f"--host {options.host}: {what}; leave it out")
        say = None if options.quiet else _say
        events = load_events(options.spec)
        app = ProxyApp(options.proxy, Document(load(options.spec)), options.record, say, events)
        listening = bound(options.host, options.port)
    except (OSError, ValueError, OverflowError) as error:
        print(f"api302_mock: {error}", file=sys.stderr)
        return 1
    print(f"Proxy of {app.target} at {url_of(listening)}, record in {app.folder}", flush=True)
    # No access log: it would have the query, and some callers put their API key there.
    with suppress(KeyboardInterrupt):
        uvicorn.Server(config(app, lifespan="on")).run(sockets=[listening])
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="api302_mock",
        description="A mock of the 302.AI API. Takes any API key that begins with sk-.",
        # What holds for Python alone comes first in the docstring, and is left out.
        epilog="".join((api302_mock.__doc__ or "").partition("A `Prefer`")[1:]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    default = "(default: %(default)s)"
    add("--host", default="127.0.0.1", help=f"IP address or name to listen on {default}")
    add("--port", type=int, default=8302, help=f"port, 0 for a free one {default}")
    add("--spec", metavar="FILE", help="joined OpenAPI document (default: the one of api302)")
    add(
        "--strict",
        action="store_true",
        help="refuse query parameters and body fields that the document does not name",
    )
    add("--polls", type=int, default=2, help=f"polls that report a task as pending {default}")
    add("--pace", type=float, default=0.5, help=f"seconds from one poll to the next {default}")
    add("--delay", type=float, default=0.05, help=f"seconds between events of a stream {default}")
    add(
        "--webhooks",
        choices=["loopback", "any", "none"],
        default="loopback",
        help=f"which webhooks to call when a task ends: those on this machine, any, none {default}",
    )
    add("--quiet", action="store_true", help="do not list the requests")
    add(
        "--proxy",
        metavar="URL",
        help="no mock: pass calls on to this service, hold both sides against the document, "
        "and record them without secrets",
    )
    add(
        "--record",
        metavar="FOLDER",
        default="live-record",
        help=f"where --proxy puts the exchanges {default}",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
