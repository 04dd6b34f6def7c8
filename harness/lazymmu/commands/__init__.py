# SPDX-License-Identifier: GPL-2.0-only
"""The commands, one file each. A file defines what `lazymmu.parser.Command` names.

Only light modules are imported at the top of a file. `main` imports the rest inside `importing()`, so that no command
waits for what another one needs.
"""

from lazymmu.parser import Command
from lazymmu.support.catalogue import Catalogue

COMMANDS: Catalogue[Command] = Catalogue(__name__, "command", {"HELP": str, "flags": callable, "main": callable})
