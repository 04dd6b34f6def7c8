# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu list`: what it leaves out, its document, and the jobs of `--matrix`, which together run what is selected."""

import json
import shlex
from datetime import UTC, datetime
from typing import Any

import pytest
from lazymmu.cli import main
from lazymmu.commands import COMMANDS, run
from lazymmu.commands import list as list_command
from lazymmu.parser import command_parser
from lazymmu.session.plan import Plan
from lazymmu.session.shards import matrix

SELECTED = ["nesting/[dt]*", "history/*preempted*", "--api", "all", "--exclude", "wrap-around"]
RUN = command_parser(run)


def listed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["list", *words]) == 0
    return capsys.readouterr().out


def labels(words: list[str]) -> list[str]:
    """Return what a run with these words would run."""
    arguments = RUN.read(words, command="run", command_line=["run", *words])
    return sorted(unit.label() for unit in Plan.of(arguments, datetime.now(UTC)).units)


def test_the_document_has_what_a_scenario_is_about(capsys: pytest.CaptureFixture[str]) -> None:
    (one,) = json.loads(listed(capsys, "nesting/deep[depth=3]", "--json", "-"))["scenarios"]
    assert (one["scenario"], one["cases"], one["tags"]) == ("nesting/deep", [{"depth": 3}], ["nesting", "wrap-around"])
    assert {"merged", "amended"} < {*one["api"]}
    assert {"arm64", "s390x", "x86_64"} < {*one["arch"]}


def test_a_scenario_is_listed_if_it_can_run_on_one_of_these(capsys: pytest.CaptureFixture[str]) -> None:
    def names(*words: str) -> list[str]:
        return [one["scenario"] for one in json.loads(listed(capsys, "checks", *words, "--json", "-"))["scenarios"]]

    every, with_ptes = names(), names("--api", "v3,with-ptes")
    assert set(with_ptes) <= set(every)
    assert "checks/every-call-with-ptes-is-counted" not in names("--api", "proposal")
    assert names("--arch", "all") == every


@pytest.mark.parametrize("shards", [pytest.param(1, marks=pytest.mark.exhaustive), 3])
def test_the_jobs_of_a_github_matrix_run_everything_once(capsys: pytest.CaptureFixture[str], shards: int) -> None:
    flags = ["--arch", "arm64,s390x", "--kernel", "lts", "--kernel", "current"]
    text = listed(capsys, *SELECTED, *flags, "--matrix", "github", "--shards", str(shards))
    assert text.count("\n") == 1
    jobs: list[dict[str, str]] = json.loads(text)["include"]
    assert len(jobs) == 4 * shards
    words = [[*job.pop("selection").split(), *(f"--{key}={value}" for key, value in job.items())] for job in jobs]
    assert sorted(label for each in words for label in labels(each)) == labels([*SELECTED, *flags])


def test_the_jobs_of_a_gitlab_pipeline_run_everything_once_and_join_it(capsys: pytest.CaptureFixture[str]) -> None:
    pipeline: dict[str, Any] = json.loads(listed(capsys, *SELECTED, "--matrix", "gitlab", "--shards", "2"))
    merge = pipeline.pop("merge")
    assert [*pipeline][:2] == ["arm64 lts 1/2", "arm64 lts 2/2"]
    found = []
    folders = []
    for job in pipeline.values():
        (script,) = job["script"]
        launcher, command, *words = shlex.split(script)
        assert (launcher, command) == ("./lazymmu", "run")
        assert words[-4:-1] == ["--junit", "junit.xml", "--out"]
        folders.append(words[-1])
        assert job["artifacts"] == {"when": "always", "paths": folders[-1:], "reports": {"junit": "junit.xml"}}
        found += labels(words[:-4])
    assert sorted(found) == labels(SELECTED)
    launcher, command, *words = shlex.split(merge["script"][0])
    assert [command, words[0], *words[1 : 1 + len(folders)]] == ["merge", "results", *folders]
    assert len({*folders}) == len(folders)
    command_parser(COMMANDS.pick(command)).read(words)
    assert (merge["when"], merge["artifacts"]["when"]) == ("always", "always")


def test_a_machine_has_at_most_as_many_shards_as_cases(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["nesting/single", "--api", "merged", "--arch", "arm64", "--matrix", "github", "--shards", "9"]
    assert json.loads(listed(capsys, *words))["include"] == [
        {"arch": "arm64", "kernel": "lts", "shard": "1/1", "selection": "nesting/single --api merged"}
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--matrix", "jenkins"], "unknown CI system `jenkins`\n  hint: there is: github, gitlab"),
        (["--matrix", "github", "--json", "-"], "cannot be given together"),
        (["nesting", "--matrix", "github", "--tag", "nope"], "unknown tag `nope`"),
        (["--shards", "2"], "--shards says which jobs there are: it needs --matrix"),
        (["--kernel", "lts"], "--kernel says which jobs there are"),
        (["--matrix", "github", "--shards", "0"], "--shards 0"),
        (["checks/every-call-with-ptes-is-counted", "--api", "proposal"], "is about proposal and can run"),
        (["nesting", "--arch", "arm46"], "unknown architecture `arm46`"),
    ],
)
def test_a_matrix_that_makes_no_sense_is_refused(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["list", *words]) == 2
    assert message in capsys.readouterr().err


def test_the_command_names_the_systems_that_there_are() -> None:
    assert (*matrix.FORMS,) == list_command._SYSTEMS
