# SPDX-License-Identifier: GPL-2.0-only
"""The command `kernels`: shows the version of each kernel on each architecture, or why it does not resolve."""

from __future__ import annotations

from argparse import Namespace
from concurrent.futures import ThreadPoolExecutor

from lazymmu.provision import catalogue, kernel_resolution
from lazymmu.provision.kernel_listing import KernelEntry, entries
from lazymmu.reports import documents
from lazymmu.reports.destination import targets
from lazymmu.reports.terminal import Terminal
from lazymmu.session import requests
from lazymmu.session.shared_cache import shared_cache

_ASK = "lazymmu kernels --update"


def kernels(arguments: Namespace) -> int:
    """Print what is known of each kernel; with --update, ask apt first."""
    if not arguments.update:
        return _shown(arguments)
    with shared_cache():
        return _updated(arguments)


def _updated(arguments: Namespace) -> int:
    cache, every = requests.cache(), catalogue.kernels().values()
    # An interrupt comes to the main thread, where it could stop apt between any two steps.
    with ThreadPoolExecutor(max_workers=len(every)) as pool, cache.tools.stopped_by_interrupt():
        for asked in [pool.submit(kernel_resolution.ask, cache, kernel) for kernel in every]:
            asked.result()
    return _shown(arguments)


def _shown(arguments: Namespace) -> int:
    files = targets({"--json": arguments.json})
    terminal, cache = requests.human(arguments), requests.cache()
    found = [(kernel, list(entries(cache, kernel))) for kernel in catalogue.kernels().values()]
    for kernel, of_kernel in found:
        terminal.line(f"{kernel.name}: {kernel.title} ({kernel.suite})", "bold")
        for entry in of_kernel:
            _show(terminal, entry)
    every = [entry.to_json() for _, of_kernel in found for entry in of_kernel]
    for file in files.values():
        file.write(documents.text({"schema": documents.SCHEMA, "kernels": every}))
    return 0


def _show(terminal: Terminal, entry: KernelEntry) -> None:
    resolution = entry.resolution
    native = ", has the nested API itself" if entry.native else ""
    style = ""
    if entry.locked is not None:
        where = "in the cache" if entry.cached else "locked, not in the cache"
        text = f"Linux {entry.locked.release} ({entry.locked.version}), {where}{native}"
    elif resolution is None:
        text, style = f"not asked yet: {_ASK}", "yellow"
    elif resolution.reason:
        text, style = f"does not resolve: {resolution.refusal()}", "yellow"
    else:
        asked = f"(asked {resolution.asked:%Y-%m-%d %H:%M} UTC)"
        text = f"Linux {resolution.release} ({resolution.version}), not in the cache{native} {asked}"
    terminal.line(f"  {entry.arch:<7} {text}", style)
    if entry.locked is not None and resolution is not None and resolution.version != entry.locked.version:
        later = (
            f"does not resolve now: {resolution.refusal()}"
            if resolution.reason
            else f"apt has {resolution.version} now: lazymmu setup --kernel {entry.kernel.name} --update"
        )
        terminal.line(f"  {'':<7} {later}", "yellow")
