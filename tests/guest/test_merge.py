# SPDX-License-Identifier: GPL-2.0-only
"""The merged results of shards are those of the run that was not split, but for times, ids, paths and the host."""

import difflib
import json
import re
from pathlib import Path

from tests.guest.conftest import Lazymmu

WRONG = "description: x\nvary: {some: [1, 2]}\nsteps:\n  - enable\n  - check: {depth: $some}\n  - disable\n"
FLAGS = ("nesting/two-levels", "nesting/deep", "pause/simple", "--arch", "s390x,arm64", "--api", "merged")
REPORTS = ("json", "junit", "ktap", "html", "codequality")
# Keys of run.json; `merged` has them of each shard.
OF_ONE_RUN = {"command", "started", "finished", "reports"}
# What may differ: times, the place of a unit among those of its guest, the accelerator's trial, folders and commands.
ALLOWED = (
    (r'"(seconds|position|started|finished|elapsed)": ?[^,}\n]+', r'"\1": 0'),
    (r'(time|timestamp)="[^"]*"', r'\1=""'),
    (r"\b\d+\.\d+ ?s\b", "0 s"),
    (r"# time: .*|\d+ms\b", ""),
    (r'<th scope="row">(command|started|took|results folder)</th>.*|<p class="logs">.*', ""),
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S*", "then"),
)


def plain(path: Path, *folders: Path) -> list[str]:
    """Return the lines of a report without what may differ."""
    text = path.read_text()
    for folder in folders:
        text = text.replace(str(folder), "FOLDER")
    for pattern, other in ALLOWED:
        text = re.sub(pattern, other, text)
    # The results store has results in the order in which they came.
    return sorted(text.splitlines()) if path.suffix == ".jsonl" else text.splitlines()


def test_merged_shards_are_the_run_that_was_not_split(lazymmu: Lazymmu, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(WRONG)
    whole, merged = tmp_path / "whole", tmp_path / "merged"
    shards = [str(tmp_path / f"shard-{number}") for number in (1, 2)]
    for number, shard in enumerate(shards, 1):
        lazymmu("run", str(wrong), *FLAGS, "--shard", f"{number}/2", "--out", shard)
    done = {}
    for out, words in (
        (whole, ("run", str(wrong), *FLAGS, "--out", str(whole))),
        (merged, ("merge", str(merged), *shards)),
    ):
        reports = [word for name in REPORTS for word in (f"--{name}", str(tmp_path / f"{out.name}.{name}"))]
        done[out] = lazymmu(*words, *reports)
    assert [one.returncode for one in done.values()] == [1, 1], done
    names = [
        {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file() and "guests" not in path.parts}
        for out in (whole, merged)
    ]
    assert names[0] == names[1]
    facts = [json.loads((out / "run.json").read_text()) for out in (whole, merged)]
    assert {key for key in facts[0] if facts[0][key] != facts[1].get(key)} <= OF_ONE_RUN
    assert set(facts[1]) - set(facts[0]) == {"merged"}
    pairs = [(whole / name, merged / name) for name in sorted(names[0] - {"run.json", ".lock"})]
    pairs += [(tmp_path / f"whole.{name}", tmp_path / f"merged.{name}") for name in REPORTS]
    differing = {}
    for mine, other in pairs:
        lines = difflib.unified_diff(plain(mine, whole), plain(other, merged), lineterm="", n=0)
        if found := [line[:300] for line in lines]:
            differing[mine.name] = found
    assert differing == {}
