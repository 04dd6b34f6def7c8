# SPDX-License-Identifier: GPL-2.0-only
"""The page of results (docs/results.md): every implementation on every kernel and architecture, in one table.

It is made only from the documents of `lazymmu run --json` and `lazymmu kernels --json`.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from lazymmu.architecture import architectures
from lazymmu.subject.implementations import IMPLEMENTATIONS
from lazymmu.subject.revisions import REVISIONS

_OUTCOMES = ("pass", "fail", "error", "skip")
# Remove mirror addresses: they differ between users.
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

    `results` are those of run documents, `kernels` the entries of the kernels document; `header` describes the text of
    the implementation `header`.
    """
    cells: defaultdict[tuple[Row, str], Counter[str]] = defaultdict(Counter)
    total: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for result in results:
        row = (result["kernel"], result["impl"], result["api"])
        cells[row, result["arch"]][result["outcome"]] += 1
        total[result["outcome"]] += 1
        if result["outcome"] == "skip":
            # Without the step, which is not the same in all cases.
            reasons[re.sub(r"\(step \d+\) ", "", result["reason"])] += 1
    order = ([entry["kernel"] for entry in kernels], list(IMPLEMENTATIONS), list(REVISIONS))
    arches = [arch for arch in architectures() if any(arch == of_cell for _, of_cell in cells)]
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
    for row in sorted(
        {row for row, _ in cells}, key=lambda row: [names.index(part) for names, part in zip(order, row, strict=True)]
    ):
        shown = " | ".join([*row, *(_cell(cells[row, arch]) for arch in arches)])
        lines.append(f"| {shown} |")
    summary = ", ".join(f"{total[outcome]} {outcome}" for outcome in _OUTCOMES)
    lines += [
        "",
        f"All together: {summary}. The implementation `header` is {header}.",
        "",
        *_kernels(kernels, {kernel for (kernel, *_), _ in cells}),
    ]
    if reasons:
        lines += ["", "Skips:", "", *(f"* {number}: {reason}" for reason, number in reasons.most_common())]
    return "\n".join([*lines, ""])


def _cell(counts: Counter[str]) -> str:
    if not counts:
        return "-"
    parts = [str(counts["pass"]), *(f"{counts[outcome]} {outcome}" for outcome in _OUTCOMES[1:] if counts[outcome])]
    return ", ".join(parts)


def _kernels(kernels: Sequence[Mapping[str, Any]], used: Collection[str]) -> list[str]:
    """Return a line for each kernel and architecture: its version, or why it does not resolve."""
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
