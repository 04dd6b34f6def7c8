# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu compare`: shows what changed between two runs. Exit status 1 if something got worse."""

from argparse import Namespace

from lazymmu.flags import add
from lazymmu.parser import Parser
from lazymmu.support.interrupts import importing

NAME = "compare"
HELP = "show what changed from one run to another"


def flags(parser: Parser) -> None:
    parser.add_argument("old", metavar="OLD", help="results of a run: a file of --json, or a results folder")
    parser.add_argument("new", metavar="NEW", help="those of a later run")
    add(parser, "--json")


def main(arguments: Namespace) -> int:
    with importing():
        from itertools import groupby

        from lazymmu.reports import compare
        from lazymmu.session import requests
    old, new = compare.read(arguments.old), compare.read(arguments.new)
    terminal, write_json = requests.outputs(arguments)
    changes = compare.compare(old, new)
    write_json(compare.to_json(old, new, changes))
    for kind, group in groupby(changes, key=lambda change: change.kind):
        of_kind = list(group)
        terminal.line(f"{kind}: {len(of_kind)}", "bold")
        for change in of_kind:
            terminal.line(f"    {change.line()}", "red" if change.is_worse else "")
    for run in (old, new):
        if run.interrupted:
            done = f"{len(run.results)} of {run.selected} were done"
            terminal.line(f"{run.path} is of a run that was interrupted: {done}", "yellow")
    worse = [change for change in changes if change.is_worse]
    terminal.line(f"{len(old.results)} results in {old.path}, {len(new.results)} in {new.path}", "dim")
    terminal.line(f"{len(worse)} got worse" if worse else "nothing got worse", "bold red" if worse else "bold green")
    return 1 if worse else 0
