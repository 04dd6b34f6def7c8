# SPDX-License-Identifier: GPL-2.0-only
"""What GitHub and GitLab show of a run, and that nothing that a guest says is a command or markup there."""

import html
import io
import json
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from lazymmu.reports import ci
from lazymmu.reports.ci import github
from lazymmu.reports.live import LiveView
from lazymmu.reports.terminal import Terminal
from lazymmu.results.result import Difference, Unit
from lazymmu.results.run_summary import RunSummary
from lazymmu.results.store import ResultStore
from lazymmu.support.errors import GuestError, print_error
from lazymmu.support.workflow_commands import harmless
from msgspec.structs import replace

from tests.unit import runs

# What the runner of GitHub takes for a command: the first after blanks, the second anywhere.
_COMMAND = re.compile(r"^\s*::|##\[")
_COMMANDS = "::error::x\n  ::set-output name=a::b\n\u2003::stop-commands::t\ntext ##[error]x ###[group]"


@pytest.fixture
def on_github(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Run as in a job of GitHub; return the file of the job's summary."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    monkeypatch.delenv("GITLAB_CI", raising=False)
    return tmp_path / "summary.md"


def many_causes(units: tuple[Unit, ...], number: int) -> RunSummary:
    """Return a run whose first results fail, each from another cause."""
    run = runs.summary(units, ["fail"] * number)
    results = [
        replace(one, parts=(Difference("x", {}, one.parts[0].place, f"op{one.number}", "hooks"),)) if one.parts else one
        for one in run.results
    ]
    return runs.changed(run, results)


def test_an_error_names_the_function_and_explains_the_cause(units: tuple[Unit, ...], on_github: Path) -> None:
    (first, second) = github.annotations(runs.summary(units, ["fail", "error", "pass", "fail"]))
    assert re.match(
        r"::error file=guest/module/api_merged\.c,line=\d+,col=1,title=disable%3A hooks in merged_disable\(\)::"
        r"nesting/deep\[depth=1\] merged on arm64%0A",
        first,
    )
    assert "%0Athe same in 1 more, in all 1 on arm64, 1 on s390x:%0A" in first
    assert re.match(r"::error file=.*nesting/deep\.yaml,line=1,col=1,title=why::nesting/deep", second)


def test_at_most_ten_errors_are_shown_and_the_others_counted(tmp_path: Path, on_github: Path) -> None:
    units = runs.numbered([*runs.selected(tmp_path), *runs.selected(tmp_path)])
    assert len([*github.annotations(many_causes(units, 10))]) == 10
    *shown, last = github.annotations(many_causes(units, 12))
    assert len(shown) == 9
    assert last == "::error title=lazymmu::3 more causes: see the log"


def test_a_compiler_s_message_is_the_place_of_its_error(units: tuple[Unit, ...]) -> None:
    run = runs.summary(units, ["error"], reason="guest/module cannot be compiled:\n    guest/module/a.c:4:2: error: x")
    (group,) = ci.bad_groups(run)
    assert str(ci.location(run, group)) == "guest/module/a.c:4:2"


@example(text="a,b:c%0A" + runs.HOSTILE + _COMMANDS)
@given(text=runs.HOSTILE_TEXTS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_text_of_a_guest_becomes_a_command_or_markup(units: tuple[Unit, ...], on_github: Path, text: str) -> None:
    run = runs.summary(units, ["error", "fail"], reason=text, details=text)
    run = replace(run, accelerators={"arm64": (text, text)})
    stream = io.StringIO()
    Terminal(stream).report(run, Path("results"))
    commands = [line for line in re.split(r"[\r\n]", stream.getvalue()) if _COMMAND.search(line)]
    assert commands == ["::group::scenarios on all machines", "::endgroup::"]
    for line in github.annotations(run):
        assert re.fullmatch(r"::error file=[^,:]*,line=\d+,col=\d+,title=[^,:\r\n]*::[^\r\n]*", line)
    on_github.unlink(missing_ok=True)
    github.write_summary(run)
    cells = re.findall(r"<code>(.*?)</code>", on_github.read_text(), re.DOTALL)
    assert cells
    for cell in cells:
        assert re.fullmatch(r"(\w|&#\d+;| )*", cell), cell
    rest = re.sub(r"<code>.*?</code>", "", on_github.read_text(), flags=re.DOTALL)
    assert set(rest) <= set(" |-\n#:,") | set(map(chr, range(ord("0"), ord("9") + 1))) | set(
        "lazymmu outcome cause function smallest case results machine error fail pass"
    )


def test_errors_of_other_commands_are_no_commands_either(on_github: Path, capsys: pytest.CaptureFixture[str]) -> None:
    print_error(GuestError("x", details=_COMMANDS))
    assert not [line for line in capsys.readouterr().err.splitlines() if _COMMAND.search(line)]


def test_elsewhere_texts_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    monkeypatch.delenv("GITLAB_CI", raising=False)
    assert harmless(_COMMANDS) == _COMMANDS
    assert ci.system() is None


def test_the_summary_is_appended_and_has_a_row_for_each_cause(units: tuple[Unit, ...], on_github: Path) -> None:
    on_github.write_text("before\n")
    github.write_summary(runs.summary(units, runs.EVERY_OUTCOME))
    text = html.unescape(on_github.read_text())
    assert text.startswith("before\n### lazymmu: 3 pass, 2 fail, 2 error, 1 skip\n")
    rows = [line for line in text.splitlines() if line.startswith(("| fail ", "| error ", "| skip "))]
    assert len(rows) == 3
    assert re.fullmatch(
        r"\| fail \| <code>disable: hooks</code> \| <code>merged_disable\(\) in guest/module/api_merged\.c:\d+</code> "
        r"\| <code>nesting/deep\[depth=1\] merged on arm64</code> \| <code>1 on arm64, 1 on s390x</code> \|",
        rows[0],
    )


def logged(units: tuple[Unit, ...], done: int) -> list[str]:
    """Return the lines of a log while these first units end."""
    stream, store = io.StringIO(), ResultStore(units)
    with LiveView(Terminal(stream), store).shown() as view:
        for unit in units[:done]:
            store.add(runs.result(unit, "pass"))
            view.show_result(store[unit.index])
    return stream.getvalue().split("\n")


@pytest.mark.parametrize("done", [runs.SIZE, runs.SIZE - 2])
def test_each_machine_has_a_group_with_its_scenarios(units: tuple[Unit, ...], on_github: Path, done: int) -> None:
    lines = logged(units, done)
    assert [line for line in lines if line.startswith("::")] == [
        line for arch in runs.ARCHES for line in (f"::group::{arch}: {done // 2} pass", "::endgroup::")
    ]
    end = lines.index("::endgroup::")
    assert lines[1:end] == [line for line in lines if line.endswith(" on arm64: 1 pass") or "arm64: 2 pass" in line]


def test_gitlab_folds_each_machine(units: tuple[Unit, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    monkeypatch.setenv("GITLAB_CI", "true")
    lines = logged(units, runs.SIZE)
    begin = r"\x1b\[0Ksection_start:(\d+):lazymmu_arm64\[collapsed=true\]\r\x1b\[0Karm64: 4 pass"
    assert re.fullmatch(begin, lines[0])
    assert any(re.fullmatch(r"\x1b\[0Ksection_end:\d+:lazymmu_s390x\r\x1b\[0K", line) for line in lines)


def test_the_code_quality_report_has_an_issue_for_each_cause(units: tuple[Unit, ...]) -> None:
    run = runs.summary(units, runs.EVERY_OUTCOME)
    found = json.loads(runs.written("codequality", run))
    assert [one["severity"] for one in found] == ["critical", "major"]
    assert found[0]["location"]["path"] == "guest/module/api_merged.c"
    assert found[0]["location"]["lines"]["begin"] > 0
    assert len({one["fingerprint"] for one in found}) == 2
    # The same cause in fewer results is the same issue.
    fewer = json.loads(runs.written("codequality", runs.summary(units, ["fail"])))
    assert fewer[0]["fingerprint"] == found[0]["fingerprint"]
    assert json.loads(runs.written("codequality", runs.summary(units, []))) == []
