# SPDX-License-Identifier: GPL-2.0-only
"""What the commands do, one module each: parsed arguments in, exit status out."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Mapping

from harness.commands import clean, compare, doctor, lint, listing, predict, run, setup, test
from harness.commands.sharing import sharing

#: Command of the command line -> what does it.
COMMANDS: Mapping[str, Callable[[Namespace], int]] = {
    "run": sharing(run.run),
    "predict": predict.predict,
    "compare": compare.compare,
    "list": listing.list_scenarios,
    "lint": lint.lint,
    "setup": sharing(setup.setup),
    "doctor": doctor.doctor,
    "clean": clean.clean,
    "test": test.test,
}
