# SPDX-License-Identifier: GPL-2.0-only
"""What `lazymmu bench` does: measures every figure several times, and shows the medians."""

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

# Load of one minute, in processors, above which a figure is of other work, too.
_BUSY = 0.5


def bench(arguments: Namespace) -> int:
    """Measure and show. Returns the exit status."""
    arches = chosen(arguments.arch)
    goals = targets({"--json": arguments.json})
    terminal, cache = requests.human(arguments), requests.cache()
    prepared = images.prepare(cache, catalogue.kernel(DEFAULT_KERNEL), arches)
    shells = shell_image.busybox(cache, arches)
    machines = prepare_all(prepared, arches, Options())
    load = os.getloadavg()[0]
    if load > _BUSY:
        cache.progress.say(f"this machine is busy (load {load:.1f}): no figure will be fair")
    values: defaultdict[tuple[measure.Row, str], list[float]] = defaultdict(list)
    with TemporaryDirectory(prefix="lazymmu-bench-") as folder:
        common = measure.Bench(prepared, machines, shells, Path(folder))
        for arch in arches:
            # The first run on an architecture may have to save the snapshot.
            measure.restored(common, arch)
        # All figures in turns: what else the machine does for a while then changes each of them a little.
        for repetition in range(1, arguments.repetitions + 1):
            for arch in arches:
                for row in measure.ROWS:
                    values[row, arch].append(value := row.measure(common, arch))
                    shown = f"{value:.2f} s" if row.unit == "s" else f"{value:.1f} per second"
                    cache.progress.say(f"{repetition} of {arguments.repetitions}: {arch}: {row.name}: {shown}")
    series = [Series(row.name, row.unit, arch, tuple(values[row, arch])) for row in measure.ROWS for arch in arches]
    versions = manifest.images([prepared])
    host = figures.host(versions["qemu"], load)
    for line in figures.markdown(series, measure.RATIOS, host):
        terminal.line(line)
    if "--json" in goals:
        accelerators = {arch: machine.boot.accelerator.name for arch, machine in machines.items()}
        document = figures.document(series, measure.RATIOS, host, versions["kernels"], accelerators)
        goals["--json"].write(json.dumps(document, indent=1) + "\n")
    return 0
