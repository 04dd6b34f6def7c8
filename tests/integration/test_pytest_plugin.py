# SPDX-License-Identifier: GPL-2.0-only
"""The pytest plug-in without guests: what it collects, and which results become which outcomes."""

from pathlib import Path

# What a run in a test imports, it imports again in the next one, unless it is here.
import lazymmu.pytest_plugin.cases  # noqa: F401
import pytest
from lazymmu.support.project import ROOT

import tests.unit.runs  # noqa: F401

pytest_plugins = ["pytester"]

PLUGIN = ("-p", "lazymmu.pytest_plugin")
FILES = {
    "pass": "description: x\ntags: [mine]\nvary: {some: [1, 2]}\nsteps: [{repeat: {times: $some, steps: [enable]}}]\n",
    "fail": "description: x\nsteps:\n  - enable\n  - disable\n",
    "error": "description: x\nsteps: [enable, disable]\n",
}
# In place of guests, results of every kind: the name of the scenario says which.
RESULTS = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
import lazymmu, pytest
from lazymmu.pytest_plugin.guests import Guests
from tests.unit import runs

class Results:
    def __init__(self, kernel):
        self.kernel = kernel
    def run(self, scenario, *, api, impl, personality):
        (one,) = lazymmu.predict(scenario, arch="arm64", api=api, impl=impl, kernel=self.kernel)
        outcome = scenario.name.rpartition("/")[2]
        return () if outcome == "none" else (runs.result(one.unit, outcome, "the reason", "the console"),)

class SomeGuests(Guests):
    def __call__(self, arch, kernel):
        return Results(kernel) if arch == "arm64" else super().__call__(arch, kernel)

@pytest.fixture(scope="session")
def lazymmu_guests():
    with SomeGuests(1.0) as guests:
        yield guests
"""


@pytest.fixture
def scenarios(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with scenarios in pytest's working folder. Other plug-ins would only cost time."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    folder = pytester.mkdir("scen")
    for name, text in FILES.items():
        (folder / f"{name}.yaml").write_text(text)
    return folder


def run(pytester: pytest.Pytester, *words: str) -> pytest.RunResult:
    return pytester.runpytest_inprocess(*PLUGIN, "-p", "no:cacheprovider", *words)


def test_nothing_is_collected_unless_somebody_asks(pytester: pytest.Pytester, scenarios: Path) -> None:
    assert run(pytester, "scen").ret == pytest.ExitCode.NO_TESTS_COLLECTED
    with pytest.raises(pytest.UsageError, match="--lazymmu-arch needs --lazymmu"):
        pytester.parseconfigure(*PLUGIN, "--lazymmu-arch", "s390x")


def test_each_case_revision_and_machine_is_a_test_with_a_group(pytester: pytest.Pytester, scenarios: Path) -> None:
    words = ("scen", "--lazymmu", "--lazymmu-arch", "arm64,s390x", "-k", "mine", "-p", "xdist")
    items = [item for item in pytester.inline_genitems(*PLUGIN, *words)[0] if "mine" in item.extra_keyword_matches]
    names = [
        f"pass:some={some}:{api}@{arch}"
        for some in (1, 2)
        for api in ("amended", "merged")
        for arch in ("arm64", "s390x")
    ]
    assert [item.name for item in items] == names
    groups = [mark.args for item in items for mark in item.iter_markers("xdist_group")]
    assert groups == [("arm64",), ("s390x",)] * 4
    assert {item.reportinfo()[:2] for item in items} == {(scenarios / "pass.yaml", 3)}
    assert items[0].reportinfo()[2] == "./scen/pass[some=1] amended on arm64"


def test_files_are_those_that_are_named_or_match(pytester: pytest.Pytester, scenarios: Path) -> None:
    pytester.makeini("[pytest]\nlazymmu_files = fail.*\nlazymmu_arch = s390x\nlazymmu_api = merged\n")
    for name in ("named.yaml", "named.txt"):
        (scenarios.parent / name).write_text(FILES["pass"])
    done = run(pytester, "--lazymmu", "--co", "-q", "scen", "named.yaml", "named.txt")
    assert [line for line in done.outlines if "::" in line] == [
        "scen/fail.yaml::fail:merged@s390x",
        "named.yaml::named:some=1:merged@s390x",
        "named.yaml::named:some=2:merged@s390x",
    ]


def test_mistakes_are_told_as_the_runner_tells_them(pytester: pytest.Pytester, scenarios: Path) -> None:
    (scenarios / "fail.yaml").write_text("description: x\nsteps: [enabel]\n")
    done = run(pytester, "--lazymmu", "scen")
    assert done.ret == pytest.ExitCode.INTERRUPTED
    assert "./scen/fail.yaml:2:9: unknown step `enabel` (did you mean `enable`?)" in done.outlines
    for flag, message in (
        ("arch", "unknown architecture `x`"),
        ("api", "unknown revision `x`"),
        ("kernel", "unknown kernel `x`"),
        ("personality", "unknown personality `x`"),
        ("timeout-scale", "--timeout-scale x: a number from 0.01 to 1000 is needed"),
    ):
        with pytest.raises(pytest.UsageError, match=message):
            pytester.parseconfigure(*PLUGIN, "--lazymmu", f"--lazymmu-{flag}", "x")


def test_an_empty_selection_is_not_a_pass(pytester: pytest.Pytester, scenarios: Path) -> None:
    (scenarios / "pass.yaml").write_text("description: x\narch: [s390x]\nsteps: [enable, disable]\n")
    assert run(pytester, "--lazymmu", "scen/pass.yaml", "--lazymmu-arch", "arm64").ret == 5


def test_each_outcome_of_the_runner_becomes_the_one_of_pytest(pytester: pytest.Pytester, scenarios: Path) -> None:
    pytester.makeconftest(RESULTS)
    (scenarios / "none.yaml").write_text(FILES["error"])
    # Debian has no such kernel for s390x, so no guest is needed to say so.
    flags = ("--lazymmu", "--lazymmu-api", "amended", "--lazymmu-kernel", "current-rt", "-k", "s390x or arm64")
    done = run(pytester, *flags, "scen")
    done.assert_outcomes(passed=2, failed=1, errors=2, skipped=5)
    text = done.stdout.str()
    assert "_ ./scen/fail amended on arm64 current-rt _" in text
    assert "\n./scen/fail.yaml:3:5: step 2 disable: hooks\n    predicted  f\n    observed   the reason\n" in text
    assert "_ ERROR at setup of ./scen/error amended on arm64 current-rt _" in text
    assert "\nthe reason\nthe console\nreproduce: " in text
    assert "\narm64 current-rt: its guest ended without a result\n" in text
    command = "lazymmu run ./scen/error --api amended --impl module --arch arm64 --kernel current-rt\n"
    assert command in text
    # Neither is a machine that the flags name skipped, nor one without which nothing is left.
    for words in (("-k", "s390x"), ("--lazymmu-arch", "s390x,arm64")):
        done = run(pytester, *flags, *words, "scen/error.yaml")
        assert "there is no kernel current-rt for s390x" in done.stdout.str()
        assert done.parseoutcomes().get("skipped", 0) == 0


def test_known_failures_are_excused_until_they_pass(pytester: pytest.Pytester, scenarios: Path) -> None:
    pytester.makeconftest(RESULTS)
    entry = '- {scenario: "./scen/fail", reason: bug 7, expires: 2099-12-31}\n'
    known = scenarios.parent / "known.yaml"
    known.write_text(entry + entry.replace("fail", "pass"))
    flags = ("--lazymmu", "--lazymmu-api", "merged", "--lazymmu-arch", "arm64", "scen/fail.yaml", "scen/pass.yaml")
    done = run(pytester, *flags, "--lazymmu-known", "known.yaml", "-rx")
    done.assert_outcomes(xfailed=1, failed=2)
    assert "XFAIL scen/fail.yaml::fail:merged@arm64 - bug 7" in done.outlines
    passed = "known.yaml:2:3: ./scen/pass[some=1] merged on arm64 passed instead of fail: remove or narrow this entry"
    assert passed in done.outlines
    run(pytester, *flags, "--lazymmu-known", "known.yaml", "--runxfail").assert_outcomes(failed=3)
    known.write_text(entry.replace("2099", "2020"))
    run(pytester, *flags, "--lazymmu-known", "known.yaml").assert_outcomes(passed=2, failed=1)
    known.write_text(entry.replace("2099-12-31", "soon"))
    done = run(pytester, *flags, "--lazymmu-known", "known.yaml")
    done.assert_outcomes(errors=3)
    assert "known.yaml:1:53: `expires` takes a date such as 2030-12-31, not the word `soon`" in done.outlines
