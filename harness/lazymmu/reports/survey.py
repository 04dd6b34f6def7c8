# SPDX-License-Identifier: GPL-2.0-only
"""The page of results (docs/results.md): every implementation on every kernel and architecture, in one table.

It is made only from the documents of `lazymmu run --json` and `lazymmu kernels --json`.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lazymmu.architecture import architectures
from lazymmu.reports.plain import counted, filled
from lazymmu.results.result import RAW_OUTCOMES
from lazymmu.subject.implementations import IMPLEMENTATIONS
from lazymmu.subject.revisions import REVISIONS

# Remove mirror addresses: they differ between users.
_ADDRESS = re.compile(r"\w+://[^/\s]+/|\s*\[IP: [^]]*\]")

#: Kernel, implementation, revision.
Row = tuple[str, str, str]


def page(results: Iterable[Mapping[str, Any]], kernels: Sequence[Mapping[str, Any]], **facts: object) -> str:
    """Return the page in Markdown.

    `results` are those of run documents, `kernels` the entries of the kernels document. `facts` are for the template:
    `header` describes the text of the implementation `header`; `qemu`, `commit`, and `made`, the time.
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
    rows = sorted(
        {row for row, _ in cells}, key=lambda row: [names.index(part) for names, part in zip(order, row, strict=True)]
    )
    arches = [arch for arch in architectures() if any(arch == of_cell for _, of_cell in cells)]
    parts = filled(
        Path(__file__).with_suffix(".md.jinja"),
        arches=arches,
        rows=rows,
        cells=cells,
        total=counted({outcome: total[outcome] for outcome in RAW_OUTCOMES}),
        kernels=kernels,
        used={kernel for kernel, *_ in rows},
        refusal=_refusal,
        reasons=reasons.most_common(),
        **facts,
    )
    return "".join(parts)


def _refusal(entry: Mapping[str, Any]) -> str:
    return _ADDRESS.sub("", (entry["answer"] or {}).get("reason") or "never asked")
