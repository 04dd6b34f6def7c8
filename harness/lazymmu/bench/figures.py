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


class Series(Struct, frozen=True):
    """All measurements of one figure. `unit` is "s" or "1/s"."""

    name: str
    unit: str
    #: Architecture -> its measurements.
    values: Mapping[str, list[float]]

    def medians(self) -> dict[str, float]:
        """Return the median of each architecture."""
        return {arch: median(values) for arch, values in self.values.items()}


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


def _ratios(series: Sequence[Series], ratios: Mapping[str, tuple[str, str]]) -> dict[str, dict[str, float]]:
    """Return name of a ratio -> architecture -> ratio of the medians."""
    medians = {one.name: one.medians() for one in series}
    return {
        name: {arch: value / medians[under][arch] for arch, value in medians[over].items()}
        for name, (over, under) in ratios.items()
    }


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def markdown(series: Sequence[Series], ratios: Mapping[str, tuple[str, str]], host: Mapping[str, Any]) -> list[str]:
    """Return the lines of the table of medians, and a line about the machine."""
    arches = list(series[0].values)
    rows = {f"{one.name}, {'per second' if one.unit == '1/s' else 'seconds'}": one.medians() for one in series}
    rows |= {f"{name}, times": values for name, values in _ratios(series, ratios).items()}
    return [
        f"| | {' | '.join(arches)} |",
        f"|---|{'---:|' * len(arches)}",
        *(f"| {name} | {' | '.join(_number(values[arch]) for arch in arches)} |" for name, values in rows.items()),
        "",
        f"Medians of {len(series[0].values[arches[0]])}; {host['cpu']}, {host['cores']} processors, "
        f"Linux {host['kernel']}, QEMU {host['qemu']}, load {host['load'][0]} to {host['load'][1]}.",
    ]


def document(
    series: Sequence[Series], ratios: Mapping[str, tuple[str, str]], facts: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the JSON document, without its schema number: the facts of the machine, and every single measurement."""
    return {
        **facts,
        "figures": [
            {"name": one.name, "unit": one.unit, "arch": arch, "median": median(values), "values": values}
            for one in series
            for arch, values in one.values.items()
        ],
        "ratios": [
            {"name": name, "arch": arch, "value": value}
            for name, values in _ratios(series, ratios).items()
            for arch, value in values.items()
        ],
    }
