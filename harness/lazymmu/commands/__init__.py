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
            function: Callable[[Namespace], int] = getattr(import_module(f"{__name__}.{self.module}"), self.function)
            if self.uses_cache:
                function = import_module(f"{__name__}.sharing").sharing(function)
        if interrupts.came:
            raise KeyboardInterrupt
        return function(arguments)


#: Command of the command line -> what does it.
COMMANDS = {
    "run": Command("run", "run", uses_cache=True),
    "predict": Command("predict", "predict"),
    "diff": Command("diff", "diff"),
    "compare": Command("compare", "compare"),
    "list": Command("listing", "list_scenarios"),
    "lint": Command("lint", "lint"),
    "setup": Command("setup", "setup", uses_cache=True),
    "kernels": Command("kernels", "kernels"),
    "doctor": Command("doctor", "doctor"),
    "clean": Command("clean", "clean"),
    "mutants": Command("mutants", "mutants", uses_cache=True),
    "survey": Command("survey", "survey", uses_cache=True),
    "bench": Command("bench", "bench", uses_cache=True),
    "shell": Command("shell", "shell", uses_cache=True),
    "test": Command("test", "test"),
}

#: `run --watch`. Each of its runs shares the cache by itself, so that `clean` can work between two of them.
WATCH = Command("watch", "watch")
