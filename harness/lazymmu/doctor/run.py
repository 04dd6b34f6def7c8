# SPDX-License-Identifier: GPL-2.0-only
"""The command `doctor`: what is there, what is missing and the command that gets it; 3 when a run could not work."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Sequence

from lazymmu.doctor.cache_state import Question
from lazymmu.doctor.check import Check, State, document, works
from lazymmu.doctor.checks import examine
from lazymmu.provision import cache_lock
from lazymmu.reports.destination import Target
from lazymmu.reports.terminal import Terminal
from lazymmu.session import requests
from lazymmu.support.errors import SetupError

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
    kernels = requests.kernels(arguments)
    target = None if arguments.json is None else Target.checked("--json", arguments.json)
    terminal = requests.human(arguments)
    cache = requests.cache()
    questions = [Question(cache=cache, kernel=kernel, offline=arguments.offline) for kernel in kernels]
    checks = []
    with cache_lock.shared(cache.root, lambda: cache.progress.say("waiting for lazymmu clean"), make=False):
        for check in examine(questions):
            _show(terminal, check)
            checks.append(check)
    _verdict(terminal, checks)
    if target is not None:
        target.write(json.dumps(document(checks), indent=2) + "\n")
    return 0 if works(checks) else SetupError.exit_status
