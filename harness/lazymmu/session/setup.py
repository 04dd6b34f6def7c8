# SPDX-License-Identifier: GPL-2.0-only
"""The command `setup`: fetches and builds what guests need."""

from __future__ import annotations

from argparse import Namespace

from lazymmu.architecture import chosen
from lazymmu.guests.machine import ensure_bootable
from lazymmu.provision import setup as images
from lazymmu.session import requests
from lazymmu.session.scheduler import Options, prepare_all
from lazymmu.support.errors import SetupError, UsageError


def setup(arguments: Namespace) -> int:
    """Fetch and build what guests need, as far as kernels resolve. Raises SetupError if one resolves nowhere."""
    if arguments.offline and arguments.update:
        raise UsageError("--update needs a network, which --offline forbids")
    store = requests.cache()
    refused: list[str] = []
    for kernel in requests.kernels(arguments):
        prepared = images.available(
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
