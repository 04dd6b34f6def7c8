# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu run`: runs scenarios on guests and compares each step with the model."""

from argparse import Namespace

from lazymmu.flags import add, add_selection, integer, one_of, shard
from lazymmu.parser import Parser
from lazymmu.session import ISOLATIONS
from lazymmu.support.interrupts import importing

NAME = "run"
HELP = "run scenarios on guests and compare with the model"


def flags(parser: Parser) -> None:
    with importing():
        from lazymmu.reports.formats import FORMATS

    add_selection(parser)
    add(parser, "--transport")
    add(parser, "--header", "--patch", "--tree")
    for form in FORMATS.values():
        parser.add_argument(form.FLAG, dest=form.NAME, metavar="FILE", help=form.HELP)
    parser.broken = FORMATS.broken
    parser.add_argument(
        "--out", metavar="DIR", help="results folder (default: one of the user's, the last 20 are kept)"
    )
    parser.add_argument("--resume", metavar="DIR", help="finish the run whose results folder this is")
    add(parser, "--jobs")
    parser.add_argument(
        "--isolation",
        type=one_of("isolation", ISOLATIONS),
        default="shared",
        metavar="NAME",
        help=f"a guest for each: {', '.join(ISOLATIONS)} (default)",
    )
    parser.add_argument("--fresh-boot", action="store_true", help="boot every guest, restore none from a snapshot")
    parser.add_argument(
        "--shard", type=shard, metavar="I/N", help="only part I of N of what is selected, for N machines"
    )
    parser.add_argument(
        "--on", metavar="ADDRESS", help="run shards on the workers of a dask cluster: its scheduler's address or file"
    )
    parser.add_argument("--timings", metavar="DIR", help="let shards take the same time by the seconds of this run")
    parser.add_argument("--failed", action="store_true", help="what failed in the last run without --out")
    parser.add_argument("--failed-from", metavar="DIR", help="what failed in the run with this results folder")
    parser.add_argument("--plan", metavar="FILE", help="what --save-plan wrote, if its scenarios have not changed")
    parser.add_argument("--save-plan", metavar="FILE", help="write what would be run to a file, and run nothing")
    parser.add_argument("-x", dest="max_failures", action="store_const", const=1, help="stop after the first failure")
    parser.add_argument(
        "--max-failures", type=integer("--max-failures", 1, 10**6), metavar="N", help="stop after N failures and errors"
    )
    parser.add_argument(
        "--max-time", type=integer("--max-time", 1, 10**6), metavar="S", help="end with all reports within S seconds"
    )
    parser.add_argument("--quiet", action="store_true", help="show only failures, errors, skips and the last line")
    parser.add_argument("--verbose", action="store_true", help="show each unit as it ends")
    parser.add_argument("--known", metavar="FILE", help="known failures, with reasons and dates")
    parser.add_argument(
        "--repeat", type=integer("--repeat", 1, 10_000), default=1, metavar="N", help="run everything N times"
    )
    parser.add_argument(
        "--retries",
        type=integer("--retries", 0, 100),
        default=0,
        metavar="N",
        help="run what failed up to N times again: flaky if it passes",
    )
    parser.add_argument(
        "--keep-failed", action="store_true", help="save the guest just before the first difference, for gdb --from"
    )
    parser.add_argument("--core", action="store_true", help="with --keep-failed: write an ELF core of each guest, too")
    parser.add_argument(
        "--shuffle",
        type=integer("--shuffle", 0, 10**18 - 1),
        metavar="SEED",
        help="run in the random order of this seed",
    )
    parser.add_argument("--trace", action="store_true", help="steps of every trace in the JSON, not only of failures")
    add(parser, "--timeout-scale")
    parser.add_argument("--no-skip", action="store_true", help="a skip is an error")
    add(parser, "--offline", "--install")
    parser.add_argument("--bisect", action="store_true", help="exit status for git bisect run: 125 in place of 2 and 3")
    parser.add_argument("--watch", action="store_true", help="run again when a scenario or the module changes")


def main(arguments: Namespace) -> int:
    with importing():
        if arguments.watch:
            from lazymmu.session.watch import watch as run_command
        else:
            from lazymmu.session.run import run as run_command
    return run_command(arguments)
