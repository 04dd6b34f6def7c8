# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu setup`: fetches and builds what guests need."""

from argparse import Namespace
from pathlib import Path

from lazymmu.flags import add
from lazymmu.parser import Parser
from lazymmu.support.errors import SetupError, UsageError
from lazymmu.support.interrupts import importing

NAME = "setup"
HELP = "fetch and build what guests need, and no more"


def flags(parser: Parser) -> None:
    add(parser, "--arch", "--kernel", "--transport")
    parser.add_argument("--update", action="store_true", help="take the versions that Debian has now, not the locked")
    parser.add_argument("--reset", action="store_true", help="forget the versions that --update took")
    parser.add_argument("--export", metavar="FILE", help="write the packages to a file, for a machine without network")
    parser.add_argument("--import", metavar="FILE", dest="take", help="first take the packages from such a file")
    add(parser, "--offline", help="only check that everything is there")
    add(parser, "--install")


def main(arguments: Namespace) -> int:
    if arguments.offline and arguments.update:
        raise UsageError("--update needs a network, which --offline forbids")
    if arguments.update and arguments.reset:
        raise UsageError("--update and --reset cannot be given together")
    with importing():
        from lazymmu.guests.machine import ensure_bootable
        from lazymmu.provision import export, live, setup
        from lazymmu.session import requests
        from lazymmu.session.scheduler import Options, prepare_all
        from lazymmu.session.selection import arches_of
    store = requests.cache()
    refused: list[str] = []
    kernels = requests.kernels(arguments)
    with requests.shared_cache():
        if arguments.reset:
            forgotten = live.reset(store)
            store.progress.say("the project's own lock counts again" if forgotten else "the project's own lock counts")
        if arguments.take is not None:
            new = export.read(store, Path(arguments.take))
            store.progress.say(f"{arguments.take}: {new} packages are new")
        for kernel in kernels:
            arches = arches_of(kernel, arguments.arch)
            prepared = setup.available(
                store, kernel, arches, offline=arguments.offline, update=arguments.update, again=True
            )
            if not prepared.kernels:
                refused += prepared.refused.values()
                continue
            transport = requests.transport(arguments, [prepared])
            for arch, machine in prepare_all(prepared, list(prepared.kernels), Options(transport=transport)).items():
                ensure_bootable(machine)
                release = prepared.kernels[arch].release
                accelerator = machine.boot.accelerator
                store.progress.say(f"{arch}: {kernel.name} is Linux {release.release} ({release.version})")
                store.progress.say(f"{arch}: {accelerator.name} ({accelerator.reason})")
            for reason in prepared.refused.values():
                store.progress.say(reason)
        if arguments.export is not None and not refused:
            size = export.write(
                store, setup.needed(store, kernels, arches_of(kernels[0], arguments.arch)), Path(arguments.export)
            )
            store.progress.say(f"{arguments.export}: {size / 1e6:.0f} MB; lazymmu setup --import reads it elsewhere")
    if refused:
        raise SetupError("\n".join(refused))
    by = ", ".join(sorted({sandbox.name for sandbox in prepared.sandboxes.values()}))
    store.progress.say(f"ready in {store.root}, programs of the tool root run by {by}")
    return 0
