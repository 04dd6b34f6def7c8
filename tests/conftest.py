# SPDX-License-Identifier: GPL-2.0-only
"""`--all`: everything, also what takes too long for every day (marked `exhaustive`, or scaled by `everyday_or_all`).

`--update`: tests of generated texts rewrite them instead of comparing.
"""

import gc
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings
from lazymmu.__main__ import OBJECTS_BETWEEN_COLLECTIONS

# As the program does: with Python's own number, tests spend a tenth of their time on the search.
gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)

_UNIT = Path(__file__).parent / "unit"
# Unit tests make thousands of small folders. To remove them takes longer than the tests, on many a disk.
_MEMORY = Path("/dev/shm")  # noqa: S108
_ROOM = 500_000_000

# No deadline: the time of an example depends on what else the machine does.
settings.register_profile("everyday", deadline=None, max_examples=10)
settings.register_profile("all", deadline=None, max_examples=200)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--all` and `--update`."""
    parser.addoption(
        "--all", action="store_true", help="also what is marked exhaustive, and the full numbers of the rest"
    )
    parser.addoption("--update", action="store_true", help="rewrite generated texts instead of comparing them")


def pytest_configure(config: pytest.Config) -> None:
    """Let hypothesis try fewer examples every day than with `--all`; choose where temporary folders are."""
    settings.load_profile("all" if config.getoption("--all") else "everyday")
    chosen = [(config.invocation_params.dir / word.partition("::")[0]).resolve() for word in config.args]
    if _has_room(_MEMORY) and all(path.is_relative_to(_UNIT) for path in chosen):
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))


def _has_room(folder: Path) -> bool:
    """Return whether the unit tests can have their files there, programs among them."""
    if not os.access(folder, os.W_OK):
        return False
    state = os.statvfs(folder)
    return not state.f_flag & os.ST_NOEXEC and state.f_bavail * state.f_frsize > _ROOM


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what only `--all` runs; pytest counts it as deselected."""
    if config.getoption("--all"):
        return
    left_out = [item for item in items if item.get_closest_marker("exhaustive")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def everyday_or_all(request: pytest.FixtureRequest) -> Callable[[int, int], int]:
    """Return a function that gives the first of two numbers every day, the second with `--all`."""
    everything = bool(request.config.getoption("--all"))
    return lambda everyday, all_: all_ if everything else everyday
