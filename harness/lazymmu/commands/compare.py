# SPDX-License-Identifier: GPL-2.0-only
"""The command `compare`: what changed between two runs."""

from __future__ import annotations

from argparse import Namespace
from itertools import groupby

from lazymmu.reports import compare as comparison
from lazymmu.reports import json
from lazymmu.reports.destination import targets
from lazymmu.reports.saved_results import Document, read
from lazymmu.reports.terminal import Terminal
from lazymmu.session import requests


def compare(arguments: Namespace) -> int:
    """Print what changed from one run to another; 1 when something got worse."""
    old, new = read(arguments.old), read(arguments.new)
    goals = targets({"--json": arguments.json})
    terminal = requests.human(arguments)
    changes = comparison.compare(old, new)
    for goal in goals.values():
        goal.write(json.text(comparison.to_json(old, new, changes)))
    for kind, group in groupby(changes, key=lambda change: change.kind):
        of_kind = list(group)
        terminal.line(f"{kind}: {len(of_kind)}", "bold")
        for change in of_kind:
            terminal.line(f"    {change.line()}", "red" if change.worse else "")
    for document in (old, new):
        _incomplete(terminal, document)
    worse = [change for change in changes if change.worse]
    terminal.line(f"{len(old.records)} results in {old.path}, {len(new.records)} in {new.path}", "dim")
    terminal.line(f"{len(worse)} got worse" if worse else "nothing got worse", "bold red" if worse else "bold green")
    return 1 if worse else 0


def _incomplete(terminal: Terminal, document: Document) -> None:
    if document.interrupted:
        done = f"{len(document.records)} of {document.selected} were done"
        terminal.line(f"{document.path} is of a run that was interrupted: {done}", "yellow")
