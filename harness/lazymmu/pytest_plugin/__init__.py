# SPDX-License-Identifier: GPL-2.0-only
"""The pytest plug-in: `--lazymmu` collects scenario files, and the fixture `lazymmu_guests` gives guests to any test.

Pytest imports this file in every run on a host where the package is installed, so it imports nothing of the package
before somebody asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lazymmu.pytest_plugin.guests import Guests

#: Flags of `lazymmu run` that are `--lazymmu-…` here, and `lazymmu_…` in pytest's configuration.
FLAGS = {
    "arch": "architectures, with commas between them, or all",
    "api": "revisions, with commas between them, or all",
    "kernel": "kernel, or a path to a build of your own",
    "personality": "personality of every guest, in place of its own",
    "known": "file of known failures, with reasons and dates",
    "timeout-scale": "multiply every time limit",
}


def ini_name(flag: str) -> str:
    """Return the name of a flag's value in pytest's configuration."""
    return f"lazymmu_{flag.replace('-', '_')}"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--lazymmu` and what goes with it."""
    group = parser.getgroup("lazymmu", "scenarios of lazy MMU mode")
    group.addoption("--lazymmu", action="store_true", help="collect scenario files, and run them on emulated guests")
    for flag, text in FLAGS.items():
        group.addoption(f"--lazymmu-{flag}", metavar=flag.upper(), help=f"{text} (default: as `lazymmu run`)")
        parser.addini(ini_name(flag), f"value of --lazymmu-{flag} if that is not given", default="")
    parser.addini("lazymmu_files", "patterns of scenario files", type="args", default=["*.yaml", "*.yml"])


def pytest_configure(config: pytest.Config) -> None:
    """Collect scenarios if somebody asks for them."""
    if config.option.lazymmu:
        from lazymmu.pytest_plugin import cases

        config.pluginmanager.register(cases, cases.__name__)
    elif given := [flag for flag in FLAGS if config.getoption(ini_name(flag)) is not None]:
        raise pytest.UsageError(f"--lazymmu-{given[0]} needs --lazymmu")


@pytest.fixture(scope="session")
def lazymmu_guests(pytestconfig: pytest.Config) -> Iterator[Guests]:
    """Give a `lazymmu.Guest` for an architecture, and for a kernel; each is started once and kept for all tests."""
    from lazymmu.pytest_plugin.guests import Guests, arguments

    with Guests(arguments(pytestconfig).timeout_scale) as guests:
        yield guests
