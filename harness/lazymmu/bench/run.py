# SPDX-License-Identifier: GPL-2.0-only
"""The command `bench`: measures the harness on this machine, beside the obvious way of doing the same."""

from __future__ import annotations

import json
import os
from argparse import Namespace
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory

from lazymmu.architecture import chosen
from lazymmu.bench import figures, measure
from lazymmu.bench.figures import Series
from lazymmu.provision import catalogue, shell_image
from lazymmu.provision import setup as images
from lazymmu.reports.destination import targets
from lazymmu.session import manifest, requests
from lazymmu.session.scheduler import Options, prepare_all
from lazymmu.support.machine_names import DEFAULT_KERNEL

# Load average over a minute, in processors, beyond which others take what is measured.
_BUSY = 0.5


def bench(arguments: Namespace) -> int:
    """Measure every figure so often, and show the medians."""
    arches = chosen(arguments.arch)
    goals = targets({"--json": arguments.json})
    terminal, store = requests.human(arguments), requests.cache()
    prepared = images.prepare(store, catalogue.kernel(DEFAULT_KERNEL), arches)
    shells = shell_image.busybox(store, arches)
    machines = prepare_all(prepared, arches, Options())
    load = os.getloadavg()[0]
    if load > _BUSY:
        store.progress.say(f"this machine is busy (load {load:.1f}): no figure will be fair")
    values: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    with TemporaryDirectory(prefix="lazymmu-bench-") as folder:
        started = measure.Bench(prepared, machines, shells, Path(folder))
        for arch in arches:
            # Saves the snapshot where there is none yet.
            measure.restored(started, arch)
        # Everything once, and then again: what else the machine does for a while spoils no figure alone.
        for repetition in range(1, arguments.repetitions + 1):
            for arch in arches:
                for row in measure.ROWS:
                    value = row.measure(started, arch)
                    values[row.name, arch].append(value)
                    shown = f"{value:.2f} s" if row.unit == "s" else f"{value:.1f} per second"
                    store.progress.say(f"{repetition} of {arguments.repetitions}: {arch}: {row.name}: {shown}")
    series = [
        Series(row.name, row.unit, arch, tuple(values[row.name, arch])) for row in measure.ROWS for arch in arches
    ]
    versions = manifest.images([prepared])
    host = figures.host(versions["qemu"], load)
    for line in figures.markdown(series, measure.RATIOS, host):
        terminal.line(line)
    if "--json" in goals:
        accelerators = {arch: machine.boot.accelerator.name for arch, machine in machines.items()}
        document = figures.document(series, measure.RATIOS, host, versions["kernels"], accelerators)
        goals["--json"].write(json.dumps(document, indent=1) + "\n")
    return 0
