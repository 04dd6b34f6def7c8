# SPDX-License-Identifier: GPL-2.0-only
"""The page of results: every implementation on every kernel and architecture, in one table (docs/results.md).

It is made from the documents of `lazymmu run --json` and `lazymmu kernels --json`, and says nothing that is not there.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from lazymmu.architecture import architectures
from lazymmu.subject.implementations import IMPLEMENTATIONS
from lazymmu.subject.revisions import REVISIONS

_OUTCOMES = ("pass", "fail", "error", "skip")
# Which mirror was asked is nobody's business, and another one may be asked tomorrow.
_ADDRESS = re.compile(r"\w+://[^/\s]+/|\s*\[IP: [^]]*\]")

#: Kernel, implementation, revision.
Row = tuple[str, str, str]


def page(
    results: Iterable[Mapping[str, Any]],
    kernels: Sequence[Mapping[str, Any]],
    *,
    header: str,
    qemu: str,
    commit: str,
    made: datetime,
) -> str:
    """Return the page in Markdown.

    `results` are those of run documents, `kernels` the entries of the kernels document; `header` says of which text
    the implementation `header` is.
    """
    counts: defaultdict[Row, defaultdict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    reasons: Counter[str] = Counter()
    for result in results:
        row = (result["kernel"], result["impl"], result["api"])
        counts[row][result["arch"]][result["outcome"]] += 1
        if result["outcome"] == "skip":
            reasons[_kind(result["reason"])] += 1
    arches = [arch for arch in architectures() if any(arch in of_row for of_row in counts.values())]
    lines = [
        "<!-- SPDX-License-Identifier: GPL-2.0-only -->",
        "<!-- Made by `lazymmu survey`. -->",
        "# Results",
        "",
        f"The whole library under every revision that applies, on every kernel that resolves; {made:%d %B %Y}, "
        f"QEMU {qemu}, commit {commit[:12]}. Numbers are cases that passed, with what else there was.",
        "",
        f"| kernel | implementation | revision | {' | '.join(arches)} |",
        f"|---|---|---|{'---|' * len(arches)}",
    ]
    for row in sorted(counts, key=_order(kernels)):
        kernel, impl, api = row
        cells = [_cell(counts[row].get(arch)) for arch in arches]
        lines.append(f"| {kernel} | {impl} | {api} | {' | '.join(cells)} |")
    total = Counter[str]()
    for of_row in counts.values():
        for of_arch in of_row.values():
            total.update(of_arch)
    told = ", ".join(f"{total[outcome]} {outcome}" for outcome in _OUTCOMES)
    lines += ["", f"All together: {told}. The implementation `header` is {header}.", "", *_kernels(kernels, counts)]
    if reasons:
        lines += ["", "Skips:", "", *(f"* {number}: {reason}" for reason, number in reasons.most_common())]
    return "\n".join([*lines, ""])


def _order(kernels: Sequence[Mapping[str, Any]]) -> Any:
    names = list(dict.fromkeys(entry["kernel"] for entry in kernels))
    impls, apis = list(IMPLEMENTATIONS), list(REVISIONS)

    def key(row: Row) -> tuple[int, int, int]:
        kernel, impl, api = row
        return names.index(kernel), impls.index(impl), apis.index(api)

    return key


def _cell(found: Counter[str] | None) -> str:
    if not found:
        return "-"
    parts = [str(found["pass"]), *(f"{found[outcome]} {outcome}" for outcome in _OUTCOMES[1:] if found[outcome])]
    return ", ".join(parts)


def _kind(reason: str) -> str:
    """Return a skip's reason without the step, which differs from case to case."""
    return re.sub(r"\(step \d+\) ", "", reason)


def _kernels(kernels: Sequence[Mapping[str, Any]], ran: Iterable[Row]) -> list[str]:
    """Return a line for each kernel and architecture: what ran, or why nothing did."""
    used = {kernel for kernel, _, _ in ran}
    lines = ["Kernels:", ""]
    for entry in kernels:
        name = f"* {entry['kernel']} for {entry['arch']}"
        answer = entry["answer"] or {}
        if entry["locked"]:
            version = f"Linux {entry['release']} ({entry['version']})"
            lines.append(f"{name}: {version}{'' if entry['kernel'] in used else ', not run'}")
        else:
            why = _ADDRESS.sub("", answer.get("reason") or "never asked")
            lines.append(f"{name}: does not resolve: {why}")
    return lines
