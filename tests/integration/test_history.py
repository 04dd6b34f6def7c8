# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu history`: what it says of runs, which folders it reads again, and what it refuses."""

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any
from xml.etree import ElementTree

import pytest
from lazymmu.cli import main
from lazymmu.session import history_index
from lazymmu.session.schemas import schemas

from tests.integration.test_schemas import MISSING
from tests.unit import runs, shards

# The cases of `shards` and `runs`, in their order.
CASES = ("nesting/deep[depth=1]", "nesting/deep[depth=2]", "nesting/plain", "pause/plain")
KNOWN, FLAKY = {"outcome": "fail", "reason": "why", "known": "bug 7"}, {"outcome": "fail", "flaky": True}
Outcome = str | Mapping[str, Any]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results folder of one run of all cases on arm64."""
    folder = tmp_path_factory.mktemp("template")
    units = runs.numbered(unit for unit in runs.selected(folder / "library") if unit.arch == "arm64")
    return Path(shards.folder(folder / "run", units, runs.summary(units, []).results))


class Runs:
    """Results folders of runs on one day after the other."""

    def __init__(self, template: Path, root: Path) -> None:
        self._template, self.root, self._count = template, root, 0

    def add(
        self, outcomes: Sequence[Outcome], *, name: str = "", seconds: Sequence[float] = (), **changes: Any
    ) -> Path:
        """Add a run whose first cases end so; the others pass. `changes` are of its run.json."""
        self._count += 1
        folder = self.root / (name or f"run-{self._count}")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        started = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=self._count)
        facts = json.loads((self._template / "run.json").read_text())
        facts |= {"started": started.isoformat(), "finished": (started + timedelta(seconds=9)).isoformat(), "status": 0}
        (folder / "run.json").write_text(json.dumps({**facts, **changes}))
        document = json.loads((self._template / "results.json").read_text())
        for one, outcome in zip(document["results"], outcomes, strict=False):
            reason = "" if outcome == "pass" else "why"
            one.update({"outcome": outcome, "reason": reason} if isinstance(outcome, str) else outcome)
        for one, value in zip(document["results"], seconds, strict=False):
            one["seconds"] = value
        (folder / "results.json").write_text(json.dumps(document))
        return folder


@pytest.fixture
def made(template: Path, tmp_path: Path) -> Runs:
    return Runs(template, tmp_path / "results")


@pytest.fixture
def history(made: Runs, capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    """Return the JSON document of the runs so far."""

    def document(*words: str) -> dict[str, Any]:
        assert main(["history", str(made.root), *words, "--json", "-"]) == 0
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        return found

    return document


def flaky(document: Mapping[str, Any]) -> list[str]:
    return [one["unit"].partition(" ")[0] for one in document["flaky"]]


def failing(document: Mapping[str, Any]) -> dict[str, tuple[str, str | None, list[str]]]:
    """Return case -> the days of its first failure and of its last pass, and what changed."""
    return {
        one["unit"].partition(" ")[0]: (one["since"][:10], one["passed"] and one["passed"][:10], one["changed"])
        for one in document["failing"]
    }


# Flaky cases


@pytest.mark.parametrize(
    ("outcomes", "commits", "is_flaky"),
    [
        (["pass", "fail"], "aa", True),
        (["pass", "fail", "pass"], "abc", True),
        (["pass", "error", "pass"], "abc", True),
        (["pass", "fail"], "ab", False),
        (["pass", "fail", "fail", "fail"], "aaaa", False),
        (["fail", "fail", "pass", "pass"], "aabb", False),
        (["pass", "skip", "pass"], "aaa", False),
        ([FLAKY], "a", True),
    ],
)
def test_a_case_with_several_outcomes_of_the_same_is_flaky(
    made: Runs, history: Callable[..., dict[str, Any]], outcomes: list[Outcome], commits: str, is_flaky: bool
) -> None:
    for outcome, commit in zip(outcomes, commits, strict=True):
        made.add([outcome], commit=commit)
    assert flaky(history()) == [CASES[0]] * is_flaky


def test_other_sources_kernels_scenarios_and_flags_do_not_make_a_case_flaky(
    made: Runs, history: Callable[..., dict[str, Any]]
) -> None:
    made.add(["pass"])
    made.add(["fail"], sources={"guest/module": "other"})
    made.add(["pass"], kernels={"arm64": {"release": "7.3", "version": "1"}})
    made.add(["fail"], qemu="11.0")
    made.add(["pass"], arguments={"isolation": "scenario"})
    made.add(["fail"], scenario_digests={"nesting/deep": "other"})
    assert flaky(history()) == []


# Failing cases


def test_a_failing_case_has_its_first_failure_and_what_changed_then(
    made: Runs, history: Callable[..., dict[str, Any]]
) -> None:
    sources = {"guest/module": "new", "model": "02"}
    kernels = {"arm64": {"release": "6.12", "version": "2"}}
    made.add(["pass", "pass", "pass", "fail"], commit="a")
    made.add(["fail", "pass", "pass", "fail"], commit="a")
    made.add(["pass", "pass", "pass", "fail"], commit="a", sources=sources)
    made.add(["fail", "skip", "fail", "fail"], commit="b", kernels=kernels, sources=sources)
    made.add(["error", "pass", "pass", "fail"], commit="c", sources=sources)
    found = history()
    assert failing(found) == {
        CASES[0]: ("2026-01-05", "2026-01-04", ["kernel 6.12 arm64 -> 6.12 2"]),
        CASES[3]: ("2026-01-02", None, []),
    }
    first = found["failing"][0]
    assert (first["outcome"], first["passed_commit"], first["since_commit"]) == ("error", "a", "b")
    assert first["outcomes"] == "pfpfe"


def test_the_terminal_says_once_what_cases_have_in_common(made: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    made.add([], commit="0123456789abcdef")
    made.add(["fail", "fail", "fail", KNOWN], sources={"guest/module": "new", "model": "02"})
    made.add([FLAKY, "fail", "fail", KNOWN], sources={"guest/module": "new", "model": "02"})
    assert main(["history", str(made.root)]) == 0
    since = "since 2026-01-03 00:00 (0123); passed on 2026-01-02 00:00 (0123456789ab); changed: guest/module"
    assert capsys.readouterr().out.splitlines() == [
        "3 runs from 2026-01-02 00:00 to 2026-01-04 00:00, 4 cases",
        "flaky: 1",
        "    nesting/deep[depth=1] merged on arm64: did not pass in 2 of 2, last on 2026-01-04 00:00",
        "failing: 3, 1 of them known",
        f"    {since}",
        "        nesting/deep[depth=2] merged on arm64, nesting/plain merged on arm64",
        "        fail: why",
        f"    {since}; known: bug 7",
        "        pause/plain merged on arm64",
        "        fail: why",
        "changes of time: none that is clear",
    ]


# Times


def test_a_case_that_became_slow_is_said_and_a_slow_machine_once(
    made: Runs, history: Callable[..., dict[str, Any]]
) -> None:
    for number in range(20):
        speed = (1 + number % 3 / 10) * (3 if number >= 14 else 1)
        slow = 2 if number >= 8 else 1
        made.add([], seconds=[0.2 * speed * slow, 0.1 * speed, 0.1 * speed, 0.3 * speed])
    changes = {
        (one["kind"], one["name"]): (one["shift"]["since"][:10], one["shift"]["after"] / one["shift"]["before"])
        for one in history()["trends"]
        if one["shift"]
    }
    assert changes == {
        ("machine", "arm64 (tcg, unknown processors)"): ("2026-01-16", pytest.approx(3, rel=0.2)),
        ("case", f"{CASES[0]} merged on arm64"): ("2026-01-10", pytest.approx(2, rel=0.2)),
    }


def test_noise_is_no_change(made: Runs, history: Callable[..., dict[str, Any]]) -> None:
    for number in range(20):
        made.add([], seconds=[0.2 if number % 2 else 0.6, 0.001 if number < 10 else 0.003, 0.1, 0.1])
    assert [one for one in history()["trends"] if one["shift"]] == []


def test_figures_of_bench_have_trends(made: Runs, history: Callable[..., dict[str, Any]]) -> None:
    made.add([])
    for number in range(10):
        figure = {"name": "restore", "unit": "s", "arch": "arm64", "median": 0.1 if number < 5 else 0.3, "values": []}
        document = {"schema": 1, "started": f"2026-02-0{number + 1 if number < 9 else 9}T00:00:00Z"}
        document |= {"host": {"cpu": "fast", "cores": 2}, "figures": [figure, {**figure, "arch": "s390x"}]}
        (made.root / f"bench-{number}.json").write_text(json.dumps(document))
    (found,) = [one for one in history("--arch", "s390x")["trends"] if one["kind"] == "bench"]
    assert found["name"] == "restore, s390x, 2 x fast"
    assert found["shift"] == {"since": "2026-02-06T00:00:00Z", "before": 0.1, "after": 0.3}
    shutil.rmtree(made.root / "run-1")
    assert main(["history", str(made.root), "--forget", "--html", str(made.root / "page.html")]) == 0
    assert len(ElementTree.parse(made.root / "page.html").findall(".//figure")) == 2  # noqa: S314  (our own)


# The index


def test_a_folder_is_read_once_and_again_if_it_changed(made: Runs, history: Callable[..., dict[str, Any]]) -> None:
    first, second = made.add([]), made.add([])
    assert len(history()["runs"]) == 2
    # Nobody reads what would be refused.
    (first / "run.json").write_text("damaged")
    made.add([])
    assert len(history()["runs"]) == 3
    (second / "results.json").write_text("damaged")
    assert main(["history", str(made.root)]) == 2


def test_runs_stay_known_when_their_folder_goes_or_is_used_again_until_they_are_forgotten(
    made: Runs, history: Callable[..., dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    made.add(["pass"], name="out")
    history()
    made.add(["fail"], name="out")
    shutil.rmtree(made.add([], name="gone") if len(history()["runs"]) == 2 else made.root / "gone")
    assert failing(history())[CASES[0]][:2] == ("2026-01-03", "2026-01-02")
    assert main(["history", str(made.root), "--forget"]) == 0
    assert "1 forgotten" in capsys.readouterr().out
    assert failing(history())[CASES[0]][:2] == ("2026-01-03", None)
    shutil.rmtree(made.root)
    assert len(history()["runs"]) == 1
    assert main(["history", str(made.root), "--forget"]) == 2
    assert "no results folder of a run that ended in" in capsys.readouterr().err


def test_copies_and_the_shards_of_a_merged_run_count_once(
    made: Runs, tmp_path: Path, history: Callable[..., dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    units = runs.selected(tmp_path / "library")
    results = [*runs.summary(units, []).results]
    parts = [shards.folder(made.root / f"part-{index}", units, results, f"{index}/2") for index in (1, 2)]
    assert [sum(run["outcomes"].values()) for run in history()["runs"]] == [5, 3]
    assert main(["merge", str(made.root / "merged"), *parts, "--quiet"]) == 0
    capsys.readouterr()
    shutil.copytree(made.root / "merged", made.root / "copy")
    (run,) = history()["runs"]
    assert (run["outcomes"], run["command"]) == ({"pass": 8}, "lazymmu run given")


def test_a_run_that_was_resumed_takes_the_place_of_its_interrupted_copy(
    made: Runs, history: Callable[..., dict[str, Any]]
) -> None:
    begun = "2026-03-01T00:00:00+00:00"
    made.add(["fail"], finished="2026-03-01T02:00:00+00:00", started=begun)
    assert [*failing(history())] == [CASES[0]]
    for finished in ("2026-03-01T01:00:00+00:00", "2026-03-01T03:00:00+00:00"):
        made.add(["pass", "fail"], finished=finished, started=begun)
        is_later = finished > "2026-03-01T02"
        assert [*failing(history())] == [CASES[is_later]]
        assert len(history()["runs"]) == 1


def test_a_run_that_did_not_end_is_counted_apart(made: Runs, history: Callable[..., dict[str, Any]]) -> None:
    made.add([])
    (made.add([]) / "results.json").unlink()
    found = history()
    assert (len(found["runs"]), found["unfinished"]) == (1, 1)


def test_without_a_folder_it_reads_the_state_folder(
    template: Path, state_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Runs(template, state_folder / "lazymmu" / "runs").add([], name="20260102")
    (state_folder / "lazymmu" / "runs" / "latest").symlink_to(".")
    assert main(["history", "--json", "-"]) == 0
    out, err = capsys.readouterr()
    assert err.startswith("1 run from 2026-01-02 00:00 to 2026-01-02 00:00, 4 cases\n")
    assert [run["folder"] for run in json.loads(out)["runs"]] == [str(folder)]


@pytest.mark.parametrize("damage", ["garbage", "truncated", "empty", "changed"])
def test_a_damaged_database_is_set_aside_and_rebuilt(
    made: Runs, state_folder: Path, history: Callable[..., dict[str, Any]], damage: str
) -> None:
    made.add(["fail"])
    before = history()
    database = state_folder / "lazymmu" / history_index.NAME
    content = database.read_bytes()
    damaged = {"garbage": b"no database " * 999, "truncated": content[:5000], "empty": b""}
    damaged["changed"] = content.replace(b'"program":"lazymmu"', b'"program":"lazymmv"')
    database.write_bytes(damaged[damage])
    assert history() == before
    assert database.with_name(f"{database.name}.damaged").exists() is (damage != "empty")


def test_an_index_that_cannot_be_opened_is_an_error_of_the_machine(
    made: Runs, state_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made.add([])
    (state_folder / "lazymmu" / history_index.NAME).mkdir(parents=True)
    assert main(["history", str(made.root)]) == 3
    assert "unable to open database file\n  hint: let XDG_STATE_HOME name another folder" in capsys.readouterr().err


def test_two_at_the_same_time_use_the_index_one_after_the_other(made: Runs, tmp_path: Path) -> None:
    made.add([])
    began = Event()

    def look(index: sqlite3.Connection) -> int:
        began.set()
        return len(history_index.saved(index, [made.root]).runs)

    def second() -> int:
        return history_index.used(tmp_path / "index", look, print)

    with ThreadPoolExecutor(1) as pool:

        def first(index: sqlite3.Connection) -> Future[int]:
            other = pool.submit(second)
            assert not began.wait(0.1)
            history_index.update(index, [made.root])
            return other

        assert history_index.used(tmp_path / "index", first, print).result() == 1


# Bad input


def broken(made: Runs) -> Iterator[tuple[Path, str]]:
    """Yield a file or folder in each folder that is refused, and what is said of it."""
    folder = made.add([], name="foreign")
    (folder / "run.json").write_text('{"name": "x"}')
    yield folder / "run.json", "not the results of a run"
    folder = made.add([], name="run-cut")
    (folder / "run.json").write_text((folder / "run.json").read_text()[:99])
    yield folder / "run.json", "not JSON"
    folder = made.add([], name="results-cut")
    (folder / "results.json").write_text((folder / "results.json").read_text()[:-99])
    yield folder / "results.json", "not JSON"
    yield made.add([], name="schema", schema=2) / "run.json", "$.schema"
    (made.root / "bench-x.json").write_text("{}")
    yield made.root / "bench-x.json", "missing required field `host`"


def test_damaged_folders_are_refused_by_name_and_the_others_kept(
    made: Runs, capsys: pytest.CaptureFixture[str], history: Callable[..., dict[str, Any]]
) -> None:
    made.add([])
    wrong = [*broken(made)]
    assert main(["history", str(made.root), "--json", "-"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    for path, reason in wrong:
        assert any(str(path) in line and reason in line for line in err.splitlines()), err
        shutil.rmtree(path.parent) if path.name != "bench-x.json" else path.unlink()
    assert len(history()["runs"]) == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--case", "nesting/dep"), "no result of nesting/dep in these runs (did you mean `nesting/deep`?)"),
        (("--case", "nesting/deep[depth=9]"), "no result of nesting/deep[depth=9] in these runs"),
        (("--arch", "s390x"), "no result of --arch s390x in these runs"),
        (("--arch", "z80"), "unknown architecture `z80`"),
        (("--html", "/nowhere/page.html"), "is not a file in an existing folder"),
    ],
)
def test_an_empty_selection_is_refused(
    made: Runs, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], message: str
) -> None:
    made.add([])
    assert main(["history", str(made.root), *words]) == 2
    assert message in capsys.readouterr().err


def test_folders_without_runs_are_refused(made: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made.add([])
    (tmp_path / "empty").mkdir()
    for words in ((tmp_path / "empty",), (made.root, tmp_path / "none"), ()):
        assert main(["history", *map(str, words)]) == 2
        assert "no results folder of a run that ended in" in capsys.readouterr().err


def test_a_selection_has_only_its_cases(made: Runs, history: Callable[..., dict[str, Any]]) -> None:
    made.add(["fail"] * 4)
    for words, cases in (
        (("--case", "nesting"), CASES[:3]),
        (("--case", "*/plain", "--arch", "arm64"), CASES[2:]),
        (("--case", "nesting/deep[depth=2]", "--case", "pause/plain"), CASES[1::2]),
    ):
        assert (*failing(history(*words)),) == cases


# The page and the document


@pytest.fixture
def eventful(made: Runs) -> Runs:
    for number in range(10):
        made.add([FLAKY], seconds=[0.1, 0.1, 0.1, 0.1 if number < 5 else 0.9])
    made.add([FLAKY, {"outcome": "fail", "reason": runs.utf8(f"<script>alert(1)</script>{runs.HOSTILE}")}, KNOWN])
    return made


def test_the_page_has_plots_and_nothing_in_it_is_markup(eventful: Runs, tmp_path: Path) -> None:
    assert main(["history", str(eventful.root), "--html", str(tmp_path / "page.html")]) == 0
    page = ElementTree.parse(tmp_path / "page.html").getroot()  # noqa: S314  (our own)
    assert [*page.iter("script"), *page.iter("a"), *page.iter("img")] == []
    assert "<script>alert(1)</script>" in "".join(page.itertext())
    outcomes = page.find(".//figure[@id='outcomes']")
    assert outcomes is not None
    assert {one.get("class") for one in outcomes.iter("path")} == {"axis", "pass", "fail", "flaky", "known"}
    kinds = [one.get("class") for one in page.iter("figure") if one.find(".//path[@class='line']") is not None]
    assert kinds == ["run", "machine", "case"]
    assert len(page.findall(".//path[@class='mark']")) == 1
    assert len(page.findall(".//td/svg")) == len(page.findall(".//table[@id='flaky']/tbody/tr")) + 2 == 5
    assert len(page.findall(".//table[@id='runs']/tbody/tr")) == 11


def test_the_document_has_the_schema(eventful: Runs, history: Callable[..., dict[str, Any]]) -> None:
    library = pytest.importorskip("jsonschema", reason=MISSING)
    validator = library.Draft7Validator(schemas()["history"])
    found = history()
    validator.validate(found)
    del found["failing"][0]["since"]
    assert not validator.is_valid(found)
