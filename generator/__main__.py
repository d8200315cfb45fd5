"""The command line of the generator: `python -m generator --help` lists its commands.

Exit codes: 0 all is well; 1 the specification, the generated code or a generator is not in order; 2
the command was used wrongly, or a tool is missing.
"""

from __future__ import annotations

import argparse
import gc
import sys
from io import TextIOWrapper
from pathlib import Path

from . import build, join
from .coverage import coverage
from .docs import cli as docs
from .publish.changes import command as changes
from .source import Spec, SpecError

SHOWN = 50
RECORD = Path(".cache/generator.json")


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns the exit code."""
    for stream in (sys.stdout, sys.stderr):  # Windows has few signs for a pipe
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    parser = argparse.ArgumentParser(
        prog="python -m generator", description="Make the client from the specification."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, what in (
        ("build", "check the specification and write everything that is generated from it"),
        ("check", "the house rules, and whether the generated folder is what `build` would write"),
        ("join", "print the joined OpenAPI 3.2 document"),
        ("coverage", "count pages and operations by section and evidence"),
        (
            "publish",
            (
                "write what other languages and readers take: OpenAPI 3.2, 3.1 and 3.0, "
                "llms.txt, the reference site (needs Node)"
            ),
        ),
    ):
        command = commands.add_parser(name, help=what, description=what[0].upper() + what[1:] + ".")
        command.add_argument(
            "--spec",
            type=Path,
            default=Path("spec"),
            metavar="DIR",
            help="the specification (default: spec)",
        )
        if name in ("build", "check"):
            help_ = "the generated folder (default: generated)"
            command.add_argument(
                "--out", type=Path, default=Path("generated"), metavar="DIR", help=help_
            )
        if name == "build":
            help_ = (
                "remembers what each file was made of, "
                "so that only what an edit touches is made anew"
                f" (default: {RECORD} for the folder `generated`, else nothing)"
            )
            command.add_argument("--record", type=Path, metavar="FILE", help=help_)
            help_ = "make every file anew, whatever the record says"
            command.add_argument("--full", action="store_true", help=help_)
        if name == "coverage":
            command.add_argument(
                "--into",
                type=Path,
                metavar="FILE",
                help="write the table into a file, between its coverage marks",
            )
        if name == "publish":
            help_ = (
                "the folder of the publication, replaced whole (default: dist/openapi, "
                "with --only dist/openapi-TAG)"
            )
            command.add_argument("--out", type=Path, metavar="DIR", help=help_)
            help_ = (
                "the calls of this tag or section, such as videos.kling, and what they refer to; "
                "may be repeated"
            )
            command.add_argument("--only", action="append", default=[], metavar="TAG", help=help_)
    changes.add(commands)
    docs.add(commands)
    args = parser.parse_args(arguments)
    if not args.spec.is_dir():
        print(
            f"there is no folder {args.spec}; run this where spec/ is, or give --spec",
            file=sys.stderr,
        )
        return 2
    return _run(args)


def _run(args: argparse.Namespace) -> int:
    try:
        return _COMMANDS[args.command](args)
    except SpecError as error:
        for problem in error.problems:
            print(f"{args.spec.as_posix()}/{problem}", file=sys.stderr)
        print(
            f"{len(error.problems)} problem{'s' * (len(error.problems) != 1)} in {args.spec}",
            file=sys.stderr,
        )
    except build.BuildError as error:
        print(error, file=sys.stderr)
        return 2 if isinstance(error, build.ToolMissing) else 1
    return 1


def _build(args: argparse.Namespace) -> int:
    record: Path | None = args.record or (RECORD if args.out == Path("generated") else None)
    if args.full and record:
        record.unlink(missing_ok=True)
    print(build.build(args.spec, args.out, record))
    return 0


def _check(args: argparse.Namespace) -> int:
    summary, differing = build.check(args.spec, args.out)
    print(summary, *summary.remarks, sep="\n")
    if not differing:
        return 0
    for line in differing[:SHOWN]:
        print(line, file=sys.stderr)
    if len(differing) > SHOWN:
        print(f"… and {len(differing) - SHOWN} more", file=sys.stderr)
    command = " ".join(
        [build.COMMAND, *([f"--spec {args.spec}"] if str(args.spec) != "spec" else [])]
    )
    command += f" --out {args.out}" if str(args.out) != "generated" else ""
    print(f"{args.out} is not what the specification makes; run: {command}", file=sys.stderr)
    return 1


def _join(args: argparse.Namespace) -> int:
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    sys.stdout.write(build.as_json(join.join(Spec.load(args.spec))))
    return 0


def _coverage(args: argparse.Namespace) -> int:
    spec = Spec.load(args.spec)
    if spec.problems:
        raise SpecError(spec.problems)
    table = coverage(spec)
    if args.into is None:
        print(table)
        return 0
    text = args.into.read_text(encoding="utf-8")
    head, mark, rest = text.partition("<!-- coverage -->\n")
    _, end, tail = rest.partition("<!-- /coverage -->")
    if not mark or not end:
        print(
            f"{args.into}: has no lines `<!-- coverage -->` and `<!-- /coverage -->` to write "
            "between; add them",
            file=sys.stderr,
        )
        return 1
    args.into.write_text(f"{head}{mark}```text\n{table}\n```\n{end}{tail}", encoding="utf-8")
    return 0


def _publish(args: argparse.Namespace) -> int:
    from .publish.publication import publish  # reading, checking and building do without it

    name = "-".join(["openapi", *args.only]).replace("/", "_")
    for line in publish(args.spec, args.out or Path("dist", name), args.only):
        print(line)
    return 0


_COMMANDS = {
    "build": _build,
    "check": _check,
    "join": _join,
    "coverage": _coverage,
    "publish": _publish,
    "changes": changes.run,
    "docs": docs.run,
}

if __name__ == "__main__":
    # The document is millions of objects that live until the end: to look for cycles among them
    # takes as long as half of the work.
    gc.disable()
    sys.exit(main())
