# SPDX-License-Identifier: GPL-2.0-only
"""The figures of a benchmark, and the two forms in which they are told: a Markdown table, and JSON."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

_CPUINFO = Path("/proc/cpuinfo")
_MODEL_KEYS = ("model name", "cpu model", "Processor", "processor 0")
#: Of the JSON document.
SCHEMA = 1


class Series(Struct, frozen=True):
    """All measurements of one figure on one architecture."""

    name: str
    #: "s", or "1/s" for what is more when it is better.
    unit: str
    arch: str
    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The figure."""
        return median(self.values)


class Ratio(Struct, frozen=True):
    """One figure divided by another one of the same architecture."""

    name: str
    over: str
    under: str


class Host(Struct, frozen=True):
    """The machine on which it was measured."""

    cpu: str
    cores: int
    kernel: str
    qemu: str
    #: Load averages over a minute, when it began and when it ended: of an idle machine, or the figures are not fair.
    load: tuple[float, float]


def cpu_model(text: str) -> str:
    """Return the processor's model as /proc/cpuinfo tells it; the machine's name where it does not."""
    told = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in text.splitlines())}
    return next((told[key] for key in _MODEL_KEYS if told.get(key)), platform.machine())


def host(qemu: str | None, load_before: float) -> Host:
    """Return this machine, at the end of the measurements."""
    return Host(
        cpu=cpu_model(_CPUINFO.read_text(encoding="utf-8", errors="replace")),
        cores=len(os.sched_getaffinity(0)),
        kernel=platform.release(),
        qemu=qemu or "unknown",
        load=(round(load_before, 2), round(os.getloadavg()[0], 2)),
    )


def ratios(series: Sequence[Series], wanted: Sequence[Ratio]) -> dict[str, dict[str, float]]:
    """Return name of a ratio -> architecture -> its value, of medians."""
    found = {(one.name, one.arch): one.median for one in series}
    arches = dict.fromkeys(one.arch for one in series)
    return {
        ratio.name: {arch: found[ratio.over, arch] / found[ratio.under, arch] for arch in arches} for ratio in wanted
    }


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def markdown(series: Sequence[Series], wanted: Sequence[Ratio], host: Host) -> list[str]:
    """Return the lines of the table, and of what it was measured on."""
    arches = list(dict.fromkeys(one.arch for one in series))
    rows: dict[str, dict[str, float]] = {}
    for one in series:
        rows.setdefault(f"{one.name}, {'per second' if one.unit == '1/s' else 'seconds'}", {})[one.arch] = one.median
    rows |= {f"{name}, times": values for name, values in ratios(series, wanted).items()}
    lines = [
        f"| | {' | '.join(arches)} |",
        f"|---|{'---:|' * len(arches)}",
        *(f"| {name} | {' | '.join(_number(values[arch]) for arch in arches)} |" for name, values in rows.items()),
    ]
    times = max(len(one.values) for one in series)
    return [
        *lines,
        "",
        f"Medians of {times}; {host.cpu}, {host.cores} processors, Linux {host.kernel}, QEMU {host.qemu}, "
        f"load {host.load[0]} to {host.load[1]}.",
    ]


def document(
    series: Sequence[Series],
    wanted: Sequence[Ratio],
    host: Host,
    kernels: Mapping[str, Any],
    accelerators: Mapping[str, str],
) -> dict[str, Any]:
    """Return the JSON document, with every single measurement."""
    return {
        "schema": SCHEMA,
        "host": asdict(host),
        "kernels": dict(kernels),
        "accelerators": dict(accelerators),
        "figures": [
            {"name": one.name, "unit": one.unit, "arch": one.arch, "median": one.median, "values": list(one.values)}
            for one in series
        ],
        "ratios": [
            {"name": name, "arch": arch, "value": value}
            for name, values in ratios(series, wanted).items()
            for arch, value in values.items()
        ],
    }
