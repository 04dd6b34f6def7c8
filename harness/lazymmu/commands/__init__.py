# SPDX-License-Identifier: GPL-2.0-only
"""The commands, one file each. A file defines what `lazymmu.parser.Command` names.

Only light modules are imported at the top of a file. `main` imports the rest inside `importing()`, so that no command
waits for what another one needs.
"""

from argparse import Namespace
from collections.abc import Callable

from lazymmu.parser import Command
from lazymmu.support.catalogue import Catalogue
from lazymmu.support.interrupts import importing

COMMANDS: Catalogue[Command] = Catalogue(__name__, "command", {"HELP": str, "flags": callable, "main": callable})


def imported(name: str) -> Callable[[Namespace], int]:
    """Return the `main` of a command that is a function elsewhere, such as `lazymmu.doctor.run:doctor`."""

    def main(arguments: Namespace) -> int:
        with importing():
            from pkgutil import resolve_name

            function: Callable[[Namespace], int] = resolve_name(name)
        return function(arguments)

    return main
