# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu schema`: prints a JSON Schema of what an author writes, or of what `run` writes."""

from argparse import Namespace

from lazymmu.flags import one_of
from lazymmu.parser import Parser
from lazymmu.support.project import PACKAGE

NAME = "schema"
HELP = "print a JSON Schema for editors and other programs"

_SCHEMAS = ("scenario", "known", "results", "history")


def flags(parser: Parser) -> None:
    parser.add_argument(
        "of",
        nargs="?",
        metavar=f"{{{','.join(_SCHEMAS)}}}",
        type=one_of("schema", _SCHEMAS),
        default="scenario",
        help="scenario files (default), files of `--known`, or the document of `run --json` or `history --json`",
    )


def main(arguments: Namespace) -> int:
    print((PACKAGE / "schemas" / f"{arguments.of}.json").read_text(encoding="utf-8"), end="")
    return 0
