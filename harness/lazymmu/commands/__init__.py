# SPDX-License-Identifier: GPL-2.0-only
"""What the commands do, one module each: parsed arguments in, exit status out.

A command's module is imported when it is called, so that none waits for what only another one needs, and an interrupt
finds its handlers set.

What is raised in the middle of an import may be lost: code in C that looks for something takes any error for its
absence. So an interrupt is noted there, and raised when all is imported.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from contextlib import nullcontext
from importlib import import_module

from msgspec import Struct

from lazymmu.support.interrupts import Interrupts


class Command(Struct, frozen=True):
    """Where a command is, and whether it uses the cache: such a one never meets a `clean` at work."""

    module: str
    function: str
    uses_cache: bool = False

    def __call__(self, arguments: Namespace) -> int:
        """Do it, and return the exit status."""
        with Interrupts.noted() as interrupts:
            function: Callable[[Namespace], int] = getattr(import_module(f"lazymmu.{self.module}"), self.function)
            requests = import_module("lazymmu.session.requests") if self.uses_cache else None
        if interrupts.came:
            raise KeyboardInterrupt
        with requests.shared_cache() if requests else nullcontext():
            return function(arguments)


#: Command of the command line -> what does it.
COMMANDS = {
    "run": Command("session.run", "run", uses_cache=True),
    "predict": Command("commands.predict", "predict"),
    "diff": Command("commands.diff", "diff"),
    "compare": Command("commands.compare", "compare"),
    "list": Command("commands.listing", "list_scenarios"),
    "lint": Command("commands.lint", "lint"),
    "setup": Command("commands.setup", "setup", uses_cache=True),
    "kernels": Command("commands.kernels", "kernels"),
    "doctor": Command("commands.doctor", "doctor"),
    "clean": Command("commands.clean", "clean"),
    "mutants": Command("commands.mutants", "mutants", uses_cache=True),
    "survey": Command("session.survey", "survey", uses_cache=True),
    "bench": Command("commands.bench", "bench", uses_cache=True),
    "shell": Command("commands.shell", "shell", uses_cache=True),
    "test": Command("commands.test", "test"),
}

#: `run --watch`. Each of its runs shares the cache by itself, so that `clean` can work between two of them.
WATCH = Command("session.watch", "watch")
