# SPDX-License-Identifier: GPL-2.0-only
"""The guests of a pytest process, one for each machine, and the flags with which it runs them."""

from argparse import Namespace
from contextlib import ExitStack

import pytest

from lazymmu import flags
from lazymmu.architecture import DEFAULT_KERNEL, machine_name
from lazymmu.interface import Guest
from lazymmu.parser import Parser
from lazymmu.pytest_plugin import FLAGS, ini_name
from lazymmu.support.errors import LazymmuError, UsageError


def arguments(config: pytest.Config) -> Namespace:
    """Return the flags of `lazymmu run` that pytest has. Raises pytest.UsageError."""
    parser = Parser(prog="lazymmu run")
    flags.add_selection(parser)
    flags.add(parser, "--timeout-scale")
    parser.add_argument("--known")
    given = {flag: config.getoption(ini_name(flag)) or config.getini(ini_name(flag)) for flag in FLAGS}
    try:
        return parser.read([f"--{flag}={value}" for flag, value in given.items() if value])
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None


class Guests(ExitStack):
    """Starts the guest of a machine when it is first asked for; the `with` ends all."""

    def __init__(self, timeout_scale: float) -> None:
        super().__init__()
        self._timeout_scale = timeout_scale
        #: Machine's name -> its guest, or why there is none.
        self._started: dict[str, Guest | LazymmuError | OSError] = {}

    def __call__(self, arch: str, kernel: str = DEFAULT_KERNEL) -> Guest:
        """Return the guest of a machine. Raises what `lazymmu.Guest` raises; a machine gets one chance."""
        name = machine_name(arch, kernel)
        if name not in self._started:
            try:
                guest = Guest(arch, kernel=kernel, timeout_scale=self._timeout_scale)
                self._started[name] = self.enter_context(guest)
            except (LazymmuError, OSError) as error:
                self._started[name] = error
        found = self._started[name]
        if isinstance(found, Exception):
            raise found.with_traceback(None)
        return found
