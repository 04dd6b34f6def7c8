# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu bench`: measures the harness on this machine, beside the obvious way of doing the same."""

import os
from argparse import Namespace

from lazymmu.flags import add, integer
from lazymmu.parser import Parser
from lazymmu.support.interrupts import importing

NAME = "bench"
HELP = "measure the harness on this machine"

# Load of one minute, in processors, above which a figure is of other work, too.
_BUSY = 0.5


def flags(parser: Parser) -> None:
    add(parser, "--arch")
    parser.add_argument(
        "--repetitions",
        type=integer("--repetitions", 1, 100),
        default=5,
        metavar="N",
        help="of each figure (default: 5)",
    )
    add(parser, "--json")


def main(arguments: Namespace) -> int:
    with importing():
        from datetime import UTC, datetime

        from lazymmu.architecture import DEFAULT_KERNEL, chosen
        from lazymmu.bench import figures, measure
        from lazymmu.guests.shell_archive import busybox
        from lazymmu.provision import catalogue, setup
        from lazymmu.reports.results_folder import keep_bench
        from lazymmu.session import manifest, requests
        from lazymmu.session.scheduler import Options, prepare_all
    arches, started = chosen(arguments.arch), datetime.now(UTC)
    terminal, write_json = requests.outputs(arguments)
    cache = requests.cache()
    series = [figures.Series(name, unit, {arch: [] for arch in arches}) for name, (unit, _) in measure.ROWS.items()]
    with requests.shared_cache():
        prepared = setup.prepare(cache, catalogue.kernel(DEFAULT_KERNEL), arches)
        shells = busybox(cache, arches)
        machines = prepare_all(prepared, arches, Options())
        load = os.getloadavg()[0]
        if load > _BUSY:
            cache.progress.say(f"this machine is busy (load {load:.1f}): no figure will be fair")
        common = measure.Bench(prepared, machines, shells)
        for arch in arches:
            # The first run on an architecture may have to save the snapshot.
            measure.restored(common, arch)
        # All figures in turns: what else the machine does for a while then changes each of them a little.
        for repetition in range(1, arguments.repetitions + 1):
            for arch in arches:
                for row in series:
                    _, measured = measure.ROWS[row.name]
                    row.values[arch].append(value := measured(common, arch))
                    shown = f"{value:.2f} s" if row.unit == "s" else f"{value:.1f} per second"
                    cache.progress.say(f"{repetition} of {arguments.repetitions}: {arch}: {row.name}: {shown}")
        versions = manifest.images([prepared])
    host = figures.host(versions["qemu"], load)
    for line in figures.markdown(series, measure.RATIOS, host):
        terminal.line(line)
    accelerators = {arch: machine.boot.accelerator.name for arch, machine in machines.items()}
    facts = {
        "started": started.isoformat(timespec="milliseconds"),
        "commit": manifest.commit(),
        "host": host,
        "kernels": versions["kernels"],
        "accelerators": accelerators,
    }
    document = figures.document(series, measure.RATIOS, facts)
    write_json(document)
    keep_bench(document, started)
    return 0
