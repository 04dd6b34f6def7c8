# SPDX-License-Identifier: GPL-2.0-only
"""The command `doctor`: prints what it checked, by area, and whether a run can work. Exit status 3 if it cannot."""

from argparse import Namespace
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from msgspec.structs import asdict

from lazymmu.architecture import chosen, machine_name
from lazymmu.doctor import folders, host, images
from lazymmu.doctor.check import Check, State, guarded
from lazymmu.doctor.images import CacheState
from lazymmu.reports.terminal import Terminal
from lazymmu.session import requests
from lazymmu.support.errors import SetupError

_STYLES = {State.OK: "green", State.NOTE: "yellow", State.MISSING: "bold yellow", State.BROKEN: "bold red"}
_PROBLEMS = (State.MISSING, State.BROKEN)
_NAME_WIDTH = 22


def doctor(arguments: Namespace) -> int:
    """Print each area as soon as it is checked, then whether a run can work."""
    kernels, cache = requests.packaged_kernels(arguments), requests.cache()
    terminal, write_json = requests.outputs(arguments)
    named = chosen(arguments.arch)
    states = [CacheState(cache, kernel, arguments.offline, arguments.deep, named) for kernel in kernels]
    checks: list[Check] = []
    with cache.shared(make=False):
        for area, checked in _areas(states):
            found = list(checked)
            _print(terminal, found if arguments.deep else _shortened(area, found))
            checks += found
    blocking = dict.fromkeys(check.name for check in checks if check.blocks)
    verdict = f"a run cannot work: {', '.join(blocking)}" if blocking else "a run can work"
    terminal.line(verdict, "bold red" if blocking else "bold green")
    documents = [{key: value for key, value in asdict(check).items() if key != "short"} for check in checks]
    write_json({"works": not blocking, "checks": documents})
    return SetupError.exit_status if blocking else 0


def _areas(states: Sequence[CacheState]) -> Iterator[tuple[str, Iterable[Check]]]:
    """Yield each area with its checks, for one state of each kernel. A check that fails does not stop the others."""
    yield "host", guarded("host", host.host)
    for state in states:
        yield "lock", guarded(f"kernel {state.kernel.name}", state.read)
    cache = states[0].cache
    # Without a tool root, the host's own root shows whether namespaces are allowed.
    roots = (root for state in states for root in state.present.roots.values() if root.is_dir())
    sandbox, check = host.sandbox(next(roots, Path("/")))
    yield "sandbox", [check]
    needs, writes = max(state.needs for state in states), any(state.writes for state in states)
    yield "cache", guarded("cache", lambda: folders.cache(cache.root, needs, writes=writes))
    for state in states:
        for arch in state.arches:
            name = machine_name(arch, state.kernel.name)
            yield name, guarded(name, images.machine, state, sandbox, arch)
    yield "results", guarded("results", folders.results, blocks=False)
    yield "clean", guarded("contents", folders.contents, cache, states[0].deep, blocks=False)


def _shortened(area: str, checks: Sequence[Check]) -> Iterator[Check]:
    """Yield one line for an area, and each problem in it."""
    if worth := [check for check in checks if check.short and check.state not in _PROBLEMS]:
        worst = max((check.state for check in worth), key=list(State).index)
        yield Check(area, worst, "; ".join(check.short for check in worth))
    yield from (check for check in checks if check.state in _PROBLEMS)


def _print(terminal: Terminal, checks: Iterable[Check]) -> None:
    indent = " " * (_NAME_WIDTH + 10)
    for check in checks:
        found = check.found.replace("\n", f"\n{indent}")
        terminal.line(f"{check.state:<8} {check.name:<{_NAME_WIDTH}} {found}", _STYLES[check.state])
        if check.next:
            terminal.line(f"{indent}-> {check.next}")
