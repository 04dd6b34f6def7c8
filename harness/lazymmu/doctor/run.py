# SPDX-License-Identifier: GPL-2.0-only
"""The command `doctor`: prints every check and whether a run can work. Exit status 3 if it cannot."""

from argparse import Namespace
from collections.abc import Iterator, Sequence

from msgspec.structs import asdict

from lazymmu.doctor import folders, host, images
from lazymmu.doctor.cache_state import CacheState, read_cache_state
from lazymmu.doctor.check import Check, State, guarded
from lazymmu.provision import cache_lock
from lazymmu.reports.destination import targets, write_json
from lazymmu.reports.terminal import Terminal
from lazymmu.session import requests
from lazymmu.support.errors import SetupError

_STYLES = {State.OK: "green", State.MISSING: "bold yellow", State.BROKEN: "bold red", State.NOTE: "yellow"}
_NAME_WIDTH = 22


def doctor(arguments: Namespace) -> int:
    """Print every check as soon as it is done, then whether a run can work."""
    kernels = requests.kernels(arguments)
    goals = targets({"--json": arguments.json})
    terminal = requests.human(arguments)
    cache = requests.cache()
    checks = []
    with cache_lock.shared(cache.root, lambda: cache.progress.say("waiting for lazymmu clean"), make=False):
        for check in _all_checks([read_cache_state(cache, kernel, offline=arguments.offline) for kernel in kernels]):
            _print(terminal, check)
            checks.append(check)
    blocking = dict.fromkeys(check.name for check in checks if check.blocks)
    if blocking:
        terminal.line(f"a run cannot work: {', '.join(blocking)}", "bold red")
    else:
        terminal.line("a run can work", "bold green")
    write_json(goals, {"works": not blocking, "checks": [asdict(check) for check in checks]})
    return SetupError.exit_status if blocking else 0


def _all_checks(states: Sequence[CacheState]) -> Iterator[Check]:
    """Yield all checks, for one state of each kernel. A check that fails does not stop the others."""
    # The kernel with the largest needs stands for all in checks of what they share.
    neediest = max(states, key=lambda state: (state.must_fetch, state.must_build))
    cache = neediest.cache
    yield from guarded("host", host.host)
    yield from host.tools(neediest)
    sandbox, check = host.sandbox(neediest)
    yield check
    yield from guarded("cache", folders.cache_folder, neediest)
    yield from guarded("disk", folders.free_space, neediest)
    yield from guarded("tool root", images.tool_root, neediest, sandbox)
    for state in states:
        yield from guarded(f"kernel {state.kernel.name}", images.kernels, state)
        yield from guarded("builds", images.builds, state)
        yield from images.accelerators(state, sandbox)
    yield from guarded("SSH keys", images.ssh_key_files, blocks=False)
    yield from guarded("contents", folders.contents, cache, blocks=False)
    yield from guarded("guests", folders.guests, cache, blocks=False)
    yield from guarded("results", folders.results, blocks=False)


def _print(terminal: Terminal, check: Check) -> None:
    first, *more = check.found.splitlines() or [""]
    terminal.line(f"{check.state:<8} {check.name:<{_NAME_WIDTH}} {first}", _STYLES[check.state])
    indent = " " * (_NAME_WIDTH + 10)
    for line in more:
        terminal.line(indent + line)
    if check.next:
        terminal.line(f"{indent}-> {check.next}")
