# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu merge`: the reports are those of the unsplit run, and what does not belong together is refused by name."""

import json
import shutil
import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from lazymmu.cli import main
from lazymmu.reports import reproduce
from lazymmu.reports.formats import FORMATS
from lazymmu.results import failure_groups
from lazymmu.results.result import Result, Unit
from msgspec.structs import replace

from tests.unit import runs, shards


@pytest.fixture
def units(tmp_path: Path) -> tuple[Unit, ...]:
    return runs.selected(tmp_path / "library")


@pytest.fixture
def results(units: tuple[Unit, ...]) -> list[Result]:
    return [*runs.summary(units, ["fail", "error", "skip", "fail"]).results]


def merged(tmp_path: Path, *names: str, flags: Sequence[str] = ()) -> int:
    reports = [f"--{name}={tmp_path / name}" for name in FORMATS]
    return main(["merge", str(tmp_path / "merged"), *names, *reports, *flags])


@pytest.mark.parametrize("count", [1, 2, 3, 8, 11])
def test_merged_reports_are_those_of_the_unsplit_run(
    tmp_path: Path, units: tuple[Unit, ...], results: list[Result], count: int
) -> None:
    issues = [runs.issue(scenario="nesting/deep"), runs.issue(scenario="pause/*", outcome=results[0].raw_outcome)]
    results[0] = replace(results[0], known="bug 7")
    whole = Path(shards.folder(tmp_path / "whole", units, results, issues=issues))
    numbers = [f"{index}/{count}" for index in range(count, 0, -1)]
    parts = [
        shards.folder(tmp_path / f"part-{number[:-2]}", units, results, number, issues=issues) for number in numbers
    ]
    assert merged(tmp_path, *parts) == json.loads((whole / "run.json").read_text())["status"] == 1
    out = tmp_path / "merged"
    for name in ("results.json", "results.ktap"):
        assert (out / name).read_text() == (whole / name).read_text()
    shown, expected = ((path / "summary.txt").read_text().replace(str(path), "") for path in (out, whole))
    assert shown.rpartition(" in ")[0] == expected.rpartition(" in ")[0]
    for name in ("json", "ktap"):
        assert (tmp_path / name).read_text() == (whole / f"results.{name}").read_text()
    for name in ("junit", "html"):
        assert (tmp_path / name).read_text().count("nesting/deep[depth=1] merged") > 0
    # Its scenarios are those of the shards, in the folder.
    page = (tmp_path / "html").read_text()
    assert page.count("<svg ") == sum(
        one.first.raw_outcome != "skip" for one in failure_groups.groups(runs.store(units, results), {})
    )
    assert page.count('<td class="description">x</td>') == len({unit.scenario.name for unit in units})
    facts, before = (json.loads((path / "run.json").read_text()) for path in (out, whole))
    assert len(facts.pop("merged")) == count
    assert {**facts, "finished": "", "scenarios": ""} == {**before, "finished": "", "scenarios": ""}
    logs = [(out / "guests" / f"shard-{index}" / "log").read_text() for index in range(1, count + 1)]
    assert logs == [f"part-{index}" for index in range(1, count + 1)]
    assert sorted(path.name for path in (out / "scenarios").rglob("*.yaml")) == [
        "deep.yaml",
        "plain.yaml",
        "plain.yaml",
    ]


def saved(document: Path) -> list[Result]:
    return msgspec.convert(json.loads(document.read_text())["results"], list[Result])


def matrix(
    tmp_path: Path,
    units: Sequence[Unit],
    results: Sequence[Result],
    arguments: Mapping[str, Any] | None = None,
    **changes: Any,
) -> dict[str, list[str]]:
    """Return the folders of two shards of each architecture."""
    parts: dict[str, list[str]] = {}
    for arch in reversed(runs.ARCHES):
        own = [unit for unit in units if unit.arch == arch]
        found = [replace(results[unit.index], number=number) for number, unit in enumerate(own)]
        changes["arguments"] = {"arch": [arch], **(arguments or {})}
        for index in (1, 2):
            command = ["lazymmu", "run", "given", f"--arch={arch}", "--shard", f"{index}/2"]
            folder = tmp_path / f"{arch}-{index}"
            name = shards.folder(folder, runs.numbered(own), found, f"{index}/2", command=command, **changes)
            parts.setdefault(arch, []).append(name)
    return parts


def test_after_a_shuffle_each_failure_runs_again_in_the_order_of_its_shard(
    tmp_path: Path, units: tuple[Unit, ...], results: list[Result]
) -> None:
    found = [replace(result, position=2) for result in results]
    parts = matrix(tmp_path, units, found, {"shuffle": 7, "isolation": "shared"})
    merged(tmp_path, *(name for some in parts.values() for name in some))
    facts = json.loads((tmp_path / "merged" / "run.json").read_text())
    assert {name: facts["arguments"][name] for name in ("arch", "shard")} == {"arch": [*runs.ARCHES], "shard": None}
    shown = {one.label(): reproduce.command_of(facts, 7, one)[2:] for one in saved(tmp_path / "json")}
    for arch, names in parts.items():
        for index, name in enumerate(names, 1):
            for one in saved(Path(name) / "results.json"):
                order = ["--arch", arch, "--shard", f"{index}/2", "--shuffle", "7", "--jobs", "1"]
                assert shown.pop(one.label()) == ["given", *order]
    assert shown == {}


def test_the_jobs_of_a_matrix_are_joined_to_the_run_on_all_machines(
    tmp_path: Path, units: tuple[Unit, ...], results: list[Result]
) -> None:
    # Not every scenario is about every architecture.
    several = [unit for unit in units if unit.scenario.name != "nesting/plain" or unit.arch == "s390x"]
    found = [replace(results[unit.index], number=number) for number, unit in enumerate(several)]
    units = runs.numbered(several)
    words = ["lazymmu", "run", "given", "--arch", "arm64", "--arch", "s390x"]
    whole = Path(shards.folder(tmp_path / "whole", units, found, arguments={"arch": [*runs.ARCHES]}, command=words))
    parts = matrix(tmp_path, units, found)
    assert merged(tmp_path, *parts["s390x"], *reversed(parts["arm64"])) == 1
    out = tmp_path / "merged"
    for name in ("results.json", "results.ktap"):
        assert (out / name).read_text() == (whole / name).read_text()
    facts, before = (json.loads((path / "run.json").read_text()) for path in (out, whole))
    assert [one["folder"] for one in facts.pop("merged")] == [*parts["arm64"], *parts["s390x"]]
    assert {**facts, "finished": "", "scenarios": ""} == {**before, "finished": "", "scenarios": ""}


def test_what_is_missing_of_a_matrix_is_named(
    tmp_path: Path, units: tuple[Unit, ...], results: list[Result], capsys: pytest.CaptureFixture[str]
) -> None:
    parts = matrix(tmp_path, units, results)
    arm64, s390x = parts["arm64"], parts["s390x"]
    others = matrix(tmp_path / "others", units, results, commit="4567")["s390x"]
    for given, message in (
        ([*arm64, s390x[0]], "shard 2/2 of s390x is missing"),
        ([arm64[1], s390x[0]], "shard 1/2 of arm64, shard 2/2 of s390x are missing"),
        ([*arm64, *s390x, s390x[0]], "shard 1/2 of s390x is there twice"),
        ([*arm64, *others], "the commit of lazymmu: 0123 and 4567"),
    ):
        assert (merged(tmp_path, *given), message) == (2, message)
        assert message in capsys.readouterr().err


def test_a_job_of_the_matrix_that_left_nothing_is_named(
    tmp_path: Path, units: tuple[Unit, ...], results: list[Result], capsys: pytest.CaptureFixture[str]
) -> None:
    parts = matrix(tmp_path, units, results)
    jobs = [{"arch": arch, "kernel": "lts", "shard": f"{index}/2"} for arch in parts for index in (1, 2)]
    for text, given, message in (
        (json.dumps({"include": jobs}), parts["arm64"], "shard 1/2 of s390x lts, shard 2/2 of s390x lts are missing"),
        ("{}", parts["arm64"], "not what `lazymmu list --matrix github` prints"),
        ("[", parts["arm64"], "not what `lazymmu list --matrix github` prints"),
    ):
        (tmp_path / "jobs").write_text(text)
        assert merged(tmp_path, *given, flags=["--matrix", str(tmp_path / "jobs")]) == 2
        assert message in capsys.readouterr().err
    assert merged(tmp_path, *parts["arm64"], flags=["--matrix", str(tmp_path / "none")]) == 2
    assert f"--matrix `{tmp_path}/none` cannot be read: No such file" in capsys.readouterr().err
    (tmp_path / "jobs").write_text(json.dumps({"include": jobs}))
    assert merged(tmp_path, *parts["arm64"], *parts["s390x"], flags=["--matrix", str(tmp_path / "jobs")]) == 1


def test_memory_does_not_grow_with_the_number_of_results(tmp_path: Path, units: tuple[Unit, ...]) -> None:
    peaks = []
    for count in (1, 8, 16):
        many = runs.numbered(replace(unit, repetition=number) for unit in units for number in range(1, count + 1))
        results = list(runs.summary(many, ["fail", "error"]).results)
        parts = [shards.folder(tmp_path / f"{count}-{index}", many, results, f"{index}/2") for index in (1, 2)]
        if count > 1:
            # Before, what is loaded once is loaded.
            tracemalloc.start()
        assert merged(tmp_path, *parts) == 1
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # The index has some bytes of a result, whose line in the file has 2,000.
    assert (peaks[2] - peaks[1]) / (len(units) * 8) < 300


def test_a_pin_that_one_shard_compares_is_not_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs.selected(tmp_path / "library")
    text = "description: x\nsteps: [enable, disable]\nexpect: {arm64: {hooks: el}, x86_64: {hooks: el}}\n"
    (tmp_path / "library" / "pause" / "plain.yaml").write_text(text)
    units = runs.loaded(tmp_path / "library")
    results = list(runs.summary(units, []).results)
    parts = [shards.folder(tmp_path / f"part-{index}", units, results, f"{index}/2") for index in (1, 2)]
    assert merged(tmp_path, *parts) == 0
    notes = [line for line in capsys.readouterr().out.splitlines() if ": note: " in line]
    assert notes == [f"{tmp_path}/library/pause/plain.yaml:3:39: note: no case that ran compares this pin"]


def test_a_shard_that_ended_early_leaves_the_whole_run_so(
    tmp_path: Path, units: tuple[Unit, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    results = list(runs.summary(units, []).results)
    parts = [
        shards.folder(tmp_path / "one", units, results, "1/2"),
        shards.folder(tmp_path / "two", units, results, "2/2", stopped="stopped by --max-time 9"),
    ]
    assert merged(tmp_path, *parts) == 3
    said = "shard 2/2: stopped by --max-time 9: 7 of 8 were done, 1 were not run"
    assert capsys.readouterr().out.splitlines()[-1] == said
    document = json.loads((tmp_path / "json").read_text())
    assert (document["selected"], len(document["results"]), document["interrupted"]) == (8, 7, True)


def without_lines(text: bytes, number: int) -> bytes:
    """Return the text without one of its lines."""
    lines = text.splitlines(keepends=True)
    del lines[number]
    return b"".join(lines)


def edit(path: Path, change: Callable[[bytes], bytes]) -> None:
    path.write_bytes(change(path.read_bytes()))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (shutil.rmtree, "is not the results folder of a run: there is no run.json"),
        (lambda path: (path / "results.json").unlink(), "this run has not ended"),
        (lambda path: edit(path / "run.json", lambda text: text[:-9]), "is damaged"),
        (lambda path: edit(path / "run.json", lambda text: text.replace(b'"schema": 1', b'"schema": 2')), "schema 2"),
        (lambda path: edit(path / "results.json", lambda text: text[: len(text) // 2]), "truncated or damaged"),
        (lambda path: edit(path / "results.json", lambda text: text[:-9]), "results.json: truncated"),
        (lambda path: edit(path / "results.json", lambda text: without_lines(text, -1)), "results.json: truncated"),
        (lambda path: edit(path / "results.json", lambda text: text.replace(b"1", b"2", 1)), "of this schema"),
        (lambda path: edit(path / "results.json", lambda text: without_lines(text, -2)), "its summary has others"),
    ],
)
def test_a_damaged_folder_is_refused(
    tmp_path: Path,
    units: tuple[Unit, ...],
    results: list[Result],
    change: Callable[[Path], object],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    parts = [shards.folder(tmp_path / f"part-{index}", units, results, f"{index}/2") for index in (1, 2)]
    change(tmp_path / "part-2")
    assert merged(tmp_path, *parts) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "part-2" in error
    assert not list((tmp_path / "merged").glob("*.json*"))


def test_what_does_not_belong_together_is_refused_by_name(
    tmp_path: Path, units: tuple[Unit, ...], results: list[Result], capsys: pytest.CaptureFixture[str]
) -> None:
    def part(name: str, number: str | None = "2/2", **changes: object) -> str:
        return shards.folder(tmp_path / name, units, results, number, **changes)  # type: ignore[arg-type]

    one = part("one", "1/2")
    for parts, message in (
        ([one], "shard 2/2 is missing"),
        ([part("a", "3/5"), part("b", "1/5")], "shard 2/5, shard 4/5, shard 5/5 are missing"),
        ([one, part("again", "1/2")], f"shard 1/2 is there twice: `{one}` and `{tmp_path}/again`"),
        ([one, part("of-three", "2/3")], "is shard 2/3: of another run"),
        ([one, part("whole", None)], f"`{tmp_path}/whole` is not of a run with --shard"),
        ([one, part("commit", commit="4567")], "the commit of lazymmu: 0123 and 4567"),
        ([one, part("source", sources={"model": "03"})], "the source model"),
        ([one, part("argument", arguments={"no_skip": True})], "the argument --no-skip: False and True"),
        ([one, part("qemu", qemu="9.2")], "QEMU: 10.0 and 9.2"),
        ([one, part("scenario", shard={"scenarios": {"pause/plain": "0"}})], "scenario pause/plain"),
        (
            [one, part("kernel", kernels={"arm64": {"release": "6.13", "version": "x"}})],
            f"`{one}` and `{tmp_path}/kernel` had different kernels of arm64: 6.12 arm64 and 6.13 x",
        ),
        ([str(tmp_path / "merged"), one], "is not the results folder"),
    ):
        assert (merged(tmp_path, *parts), message) == (2, message)
        assert message in capsys.readouterr().err
    (tmp_path / "merged").mkdir()
    shutil.copytree(part("two"), tmp_path / "merged", dirs_exist_ok=True)
    assert merged(tmp_path, one, str(tmp_path / "merged")) == 2
    assert "is one of the shards" in capsys.readouterr().err
    assert (tmp_path / "merged" / "results.json").exists()


def test_shards_that_overlap_or_leave_a_case_out_are_refused(
    tmp_path: Path, units: tuple[Unit, ...], results: list[Result], capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = (
        shards.folder(tmp_path / name, units, results, number) for name, number in (("one", "1/2"), ("two", "2/2"))
    )
    first, last = (tmp_path / name / "results.json" for name in ("one", "two"))
    kept = first.read_bytes()
    line = last.read_bytes().splitlines(True)[1]
    lines = kept.splitlines(True)
    first.write_bytes(b"".join([*lines[:4], line, *lines[4:-1], _recounted(lines[-1], 1)]))
    assert merged(tmp_path, one, two) == 2
    assert "nesting/deep[depth=2] merged on s390x is in `" in capsys.readouterr().err
    first.write_bytes(b"".join([lines[0], *lines[2:-1], _recounted(lines[-1], -1)]))
    assert merged(tmp_path, one, two) == 2
    assert "case 0 of 8 is in none of these folders" in capsys.readouterr().err


def _recounted(line: bytes, more: int) -> bytes:
    """Return the last line of a document with so many more passes."""
    rest = json.loads(b"{" + line.removeprefix(b"],"))
    rest["summary"]["pass"] += more
    return b"], " + json.dumps(rest).encode()[1:] + b"\n"
