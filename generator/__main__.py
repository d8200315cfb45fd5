"""`python -m generator`: join, check and build."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from . import join
from .source import Spec, SpecError


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m generator")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("join")
    command.add_argument("--spec", type=Path, default=Path("spec"))
    args = parser.parse_args(arguments)
    try:
        print(json.dumps(join.join(Spec.load(args.spec)), indent=1, ensure_ascii=False))
    except SpecError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
