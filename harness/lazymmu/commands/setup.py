# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu setup`: fetches and builds what guests need."""

from argparse import Namespace

from lazymmu.flags import add
from lazymmu.parser import Parser
from lazymmu.support.errors import SetupError, UsageError
from lazymmu.support.interrupts import importing

NAME = "setup"
HELP = "fetch and build what guests need, and no more"


def flags(parser: Parser) -> None:
    add(parser, "--arch", "--kernel", "--transport")
    parser.add_argument("--update", action="store_true", help="resolve the kernel's version again")
    add(parser, "--offline", help="only check that everything is there")


def main(arguments: Namespace) -> int:
    if arguments.offline and arguments.update:
        raise UsageError("--update needs a network, which --offline forbids")
    with importing():
        from lazymmu.architecture import chosen
        from lazymmu.guests.machine import ensure_bootable
        from lazymmu.provision import setup
        from lazymmu.session import requests
        from lazymmu.session.scheduler import Options, prepare_all
    store = requests.cache()
    refused: list[str] = []
    with requests.shared_cache():
        for kernel in requests.kernels(arguments):
            prepared = setup.available(
                store,
                kernel,
                chosen(arguments.arch),
                offline=arguments.offline,
                update=arguments.update,
                again=True,
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
    if refused:
        raise SetupError("\n".join(refused))
    by = ", ".join(sorted({sandbox.name for sandbox in prepared.sandboxes.values()}))
    store.progress.say(f"ready in {store.root}, programs of the tool root run by {by}")
    return 0
