# SPDX-License-Identifier: GPL-2.0-only
"""Makes results folders of shards with many results, to measure `lazymmu merge`: copies of the results of a real run.

In `harness/`, `python -m tools.shards SEED OUT` takes the results folder of `lazymmu run --api all --shard 1/1`. Then
`/usr/bin/time -v lazymmu merge WHOLE OUT/*` shows seconds and memory.
"""

import argparse
import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from lazymmu.reports.formats.json import FIRST_LINE
from lazymmu.reports.results_folder import RESULTS, RUN


def main() -> None:
    """Write the folders."""
    parser = argparse.ArgumentParser(description="make results folders of shards with many results")
    parser.add_argument("seed", type=Path, help="results folder of `lazymmu run --shard 1/1`")
    parser.add_argument("out", type=Path, help="folder for the folders of the shards")
    parser.add_argument("--shards", type=int, default=8, help="how many (default: 8)")
    parser.add_argument("--results", type=int, default=10_000, help="of each shard (default: 10000)")
    given = parser.parse_args()
    document = json.loads((given.seed / RESULTS).read_text(encoding="utf-8"))
    facts = json.loads((given.seed / RUN).read_text(encoding="utf-8"))
    results = copied(document["results"], given.shards * given.results)
    machines = {key: number for number, key in enumerate(dict.fromkeys(map(_machine, results)))}
    in_order = sorted(results, key=lambda one: machines[_machine(one)])
    for index in range(given.shards):
        folder = given.out / str(index + 1)
        shutil.copytree(given.seed / "scenarios", folder / "scenarios")
        part = {**facts["shard"], "shard": f"{index + 1}/{given.shards}", "selected": len(results)}
        mine = sorted(in_order[index * given.results : (index + 1) * given.results], key=itemgetter("number"))
        changed = {"shard": part, "arguments": {**facts["arguments"], "shard": part["shard"]}}
        (folder / RUN).write_text(json.dumps({**facts, **changed}, indent=1) + "\n", encoding="utf-8")
        write(folder / RESULTS, mine, {**document, "shard": part})


def copied(results: Sequence[Mapping[str, Any]], count: int) -> list[dict[str, Any]]:
    """Return so many results: copies of these, each with a further value that `vary` could have given its case."""
    times = -(-count // len(results))
    found = (
        {**one, "case": {**one["case"], "copy": copy}}
        for _, some in groupby(results, key=itemgetter("scenario"))
        for same in [list(some)]
        for copy in range(times)
        for one in same
    )
    return [{**one, "number": number} for number, one in zip(range(count), found, strict=False)]


def write(path: Path, results: Iterable[Mapping[str, Any]], document: Mapping[str, Any]) -> None:
    """Write a JSON document as `lazymmu run` writes it, with these results in place of its own."""
    outcomes = dict.fromkeys(document["summary"], 0)
    lines = []
    for one in results:
        outcomes[one["outcome"]] += 1
        lines.append(json.dumps(one, separators=(",", ":"), ensure_ascii=False))
    rest = {key: value for key, value in document.items() if key not in ("schema", "results")}
    rest["summary"] = outcomes
    end = json.dumps(rest).removeprefix("{")
    path.write_text(FIRST_LINE + ",\n".join(lines) + f"\n], {end}\n", encoding="utf-8")


def _machine(result: Mapping[str, Any]) -> tuple[str, str]:
    return result["arch"], result["kernel"]


if __name__ == "__main__":
    main()
