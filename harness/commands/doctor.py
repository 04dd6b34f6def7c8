# SPDX-License-Identifier: GPL-2.0-only
"""The command `doctor`: what is there, what is missing and the command that gets it; 3 when a run could not work."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Sequence

from harness.commands import common
from harness.core.errors import SetupError
from harness.doctor.check import Check, State, document, works
from harness.doctor.examination import examine
from harness.doctor.situation import Question
from harness.images import inuse
from harness.report.target import Target
from harness.report.terminal import Terminal

_STYLES = {State.OK: "green", State.MISSING: "bold yellow", State.BROKEN: "bold red", State.NOTE: "yellow"}
_WIDTH = 22


def _show(terminal: Terminal, check: Check) -> None:
    first, *more = check.found.splitlines() or [""]
    terminal.line(f"{check.state:<8} {check.name:<{_WIDTH}} {first}", _STYLES[check.state])
    indent = " " * (_WIDTH + 10)
    for line in more:
        terminal.line(indent + line)
    if check.next:
        terminal.line(f"{indent}-> {check.next}")


def _verdict(terminal: Terminal, checks: Sequence[Check]) -> None:
    if works(checks):
        terminal.line("a run can work", "bold green")
    else:
        names = dict.fromkeys(check.name for check in checks if check.blocks)
        terminal.line(f"a run cannot work: {', '.join(names)}", "bold red")


def doctor(arguments: Namespace) -> int:
    """Print every check as it is done, then whether a run could work."""
    kernels = common.kernels(arguments)
    target = None if arguments.json is None else Target.checked("--json", arguments.json)
    terminal = common.human(arguments)
    cache = common.cache()
    questions = [Question(cache=cache, kernel=kernel, offline=arguments.offline) for kernel in kernels]
    checks = []
    with inuse.shared(cache.root, lambda: cache.progress.say("waiting for lazymmu clean"), make=False):
        for check in examine(questions):
            _show(terminal, check)
            checks.append(check)
    _verdict(terminal, checks)
    if target is not None:
        target.write(json.dumps(document(checks), indent=2) + "\n")
    return 0 if works(checks) else SetupError.exit_status
