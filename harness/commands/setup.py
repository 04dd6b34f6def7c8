# SPDX-License-Identifier: GPL-2.0-only
"""The command `setup`: fetches and builds what guests need, and does no more."""

from __future__ import annotations

from argparse import Namespace

from harness.commands import common
from harness.core.errors import UsageError
from harness.core.vocabulary import PERSONALITIES
from harness.images import setup as images
from harness.run import Options, prepare_all


def setup(arguments: Namespace) -> int:
    """Fetch and build what guests need."""
    if arguments.offline and arguments.update:
        raise UsageError("--update needs a network, which --offline forbids")
    kernel = common.kernel(arguments)
    store = common.cache()
    arches = [arch for arch in PERSONALITIES if arch in kernel.flavours]
    prepared = images.prepare(store, kernel, arches, offline=arguments.offline, update=arguments.update)
    machines = prepare_all(prepared, arches, Options(transport=common.transport(arguments, prepared)))
    for arch, machine in machines.items():
        release = prepared.kernels[arch].release
        chosen = machine.boot.accelerator
        store.progress.say(f"{arch}: {kernel.name} is Linux {release.release} ({release.version})")
        store.progress.say(f"{arch}: {chosen.name} ({chosen.reason})")
    store.progress.say(f"ready in {store.root}, programs of the tool root run by {prepared.sandbox.name}")
    return 0
