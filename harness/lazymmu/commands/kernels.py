# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu kernels`: shows what each kernel of the catalogue is on each architecture, or why it is not available."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lazymmu.flags import add
from lazymmu.parser import Parser
from lazymmu.support.interrupts import importing

if TYPE_CHECKING:
    from lazymmu.provision.kernels import KernelEntry

NAME = "kernels"
HELP = "show each kernel, and why one is not available"


def flags(parser: Parser) -> None:
    parser.add_argument("--update", action="store_true", help="ask apt now; otherwise the network is not used")
    add(parser, "--json")


def main(arguments: Namespace) -> int:
    with importing():
        from lazymmu.provision import catalogue, live
        from lazymmu.provision.kernels import entries
        from lazymmu.session import requests
    cache, every = requests.cache(), catalogue.kernels().values()
    if arguments.update:
        with requests.shared_cache():
            cache.tools.in_thread(lambda: live.ask(cache, list(every)))
    terminal, write_json = requests.outputs(arguments)
    found = [(kernel, list(entries(cache, kernel))) for kernel in every]
    for kernel, of_kernel in found:
        terminal.line(f"{kernel.name}: {kernel.title} ({kernel.suite})", "bold")
        for entry in of_kernel:
            for text, style in _lines(entry):
                terminal.line(text, style)
    write_json({"kernels": [entry.to_json() for _, some in found for entry in some]})
    return 0


def _lines(entry: KernelEntry) -> Iterator[tuple[str, str]]:
    resolution = entry.resolution
    native = ", has the nested API itself" if entry.native else ""
    style = ""
    if entry.locked is not None:
        where = "in the cache" if entry.cached else "locked, not in the cache"
        text = f"Linux {entry.locked.release} ({entry.locked.version}), {where}{native}"
    elif resolution is None:
        text, style = "not asked yet: lazymmu kernels --update", "yellow"
    elif resolution.reason:
        text, style = f"does not resolve: {resolution.refusal()}", "yellow"
    else:
        asked = f"(asked {resolution.asked:%Y-%m-%d %H:%M} UTC)"
        text = f"Linux {resolution.release} ({resolution.version}), not in the cache{native} {asked}"
    yield f"  {entry.arch:<7} {text}", style
    if entry.locked is not None and resolution is not None and resolution.version != entry.locked.version:
        later = (
            f"does not resolve now: {resolution.refusal()}"
            if resolution.reason
            else f"apt has {resolution.version} now: lazymmu setup --kernel {entry.kernel.name} --update"
        )
        yield f"  {'':<7} {later}", "yellow"
