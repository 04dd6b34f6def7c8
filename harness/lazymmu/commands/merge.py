# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu merge`: joins the results folders of all shards of a run. Exit status as of the whole run."""

from lazymmu.commands import imported
from lazymmu.parser import Parser
from lazymmu.support.interrupts import importing

NAME = "merge"
HELP = "join the results of the shards of a run"
main = imported("lazymmu.session.shards.merge:merge")


def flags(parser: Parser) -> None:
    with importing():
        from lazymmu.reports.formats import FORMATS

    parser.add_argument("out_folder", metavar="OUT", help="results folder of the whole run")
    parser.add_argument("shards", metavar="DIR", nargs="+", help="results folders of `run --shard`, all of them")
    parser.add_argument(
        "--matrix", metavar="FILE", help="what `list --matrix github` printed: each of its jobs must have left a folder"
    )
    for form in FORMATS.values():
        parser.add_argument(form.FLAG, dest=form.NAME, metavar="FILE", help=form.HELP)
    parser.broken = FORMATS.broken
    parser.add_argument("--quiet", action="store_true", help="show only failures, errors, skips and the last line")
