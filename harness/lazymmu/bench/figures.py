# SPDX-License-Identifier: GPL-2.0-only
"""The figures of a benchmark, as a Markdown table and as JSON."""

import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from msgspec import Struct

_CPUINFO = Path("/proc/cpuinfo")
_MODEL_KEYS = ("model name", "cpu model", "Processor", "processor 0")
#: Version of the JSON document.
SCHEMA = 1


class Series(Struct, frozen=True):
    """All measurements of one figure on one architecture. `unit` is "s" or "1/s"."""

    name: str
    unit: str
    arch: str
    values: tuple[float, ...]


class Ratio(Struct, frozen=True):
    """One figure divided by another one of the same architecture."""

    name: str
    over: str
    under: str


def cpu_model(text: str) -> str:
    """Return the processor's model in the text of /proc/cpuinfo, or the machine's name if it has none."""
    fields = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in text.splitlines())}
    return next((fields[key] for key in _MODEL_KEYS if fields.get(key)), platform.machine())


def host(qemu: str | None, load_before: float) -> dict[str, Any]:
    """Return what the documents say of this machine; `load` is its load of one minute, at the begin and the end."""
    return {
        "cpu": cpu_model(_CPUINFO.read_text(encoding="utf-8", errors="replace")),
        "cores": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "qemu": qemu or "unknown",
        "load": [round(load_before, 2), round(os.getloadavg()[0], 2)],
    }


def _ratios(series: Sequence[Series], ratios: Sequence[Ratio]) -> dict[str, dict[str, float]]:
    """Return name of a ratio -> architecture -> ratio of the medians."""
    medians = {(one.name, one.arch): median(one.values) for one in series}
    arches = dict.fromkeys(one.arch for one in series)
    return {
        ratio.name: {arch: medians[ratio.over, arch] / medians[ratio.under, arch] for arch in arches}
        for ratio in ratios
    }


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def markdown(series: Sequence[Series], ratios: Sequence[Ratio], host: Mapping[str, Any]) -> list[str]:
    """Return the lines of the table of medians, and a line about the machine."""
    arches = list(dict.fromkeys(one.arch for one in series))
    rows: dict[str, dict[str, float]] = {}
    for one in series:
        unit = "per second" if one.unit == "1/s" else "seconds"
        rows.setdefault(f"{one.name}, {unit}", {})[one.arch] = median(one.values)
    rows |= {f"{name}, times": values for name, values in _ratios(series, ratios).items()}
    return [
        f"| | {' | '.join(arches)} |",
        f"|---|{'---:|' * len(arches)}",
        *(f"| {name} | {' | '.join(_number(values[arch]) for arch in arches)} |" for name, values in rows.items()),
        "",
        f"Medians of {max(len(one.values) for one in series)}; {host['cpu']}, {host['cores']} processors, "
        f"Linux {host['kernel']}, QEMU {host['qemu']}, load {host['load'][0]} to {host['load'][1]}.",
    ]


def document(
    series: Sequence[Series],
    ratios: Sequence[Ratio],
    host: Mapping[str, Any],
    kernels: Mapping[str, Any],
    accelerators: Mapping[str, str],
) -> dict[str, Any]:
    """Return the JSON document, with every single measurement."""
    return {
        "schema": SCHEMA,
        "host": dict(host),
        "kernels": dict(kernels),
        "accelerators": dict(accelerators),
        "figures": [
            {"name": one.name, "unit": one.unit, "arch": one.arch, "median": median(one.values), "values": one.values}
            for one in series
        ],
        "ratios": [
            {"name": name, "arch": arch, "value": value}
            for name, values in _ratios(series, ratios).items()
            for arch, value in values.items()
        ],
    }
