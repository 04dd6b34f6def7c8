# SPDX-License-Identifier: GPL-2.0-only
"""The command line refuses what it cannot do, with status 2 and what there is, before anything is started."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import lazymmu
import pytest
from lazymmu.cli import main
from lazymmu.commands import COMMANDS, run
from lazymmu.parser import command_parser
from lazymmu.results.result import Outcome
from lazymmu.session.run import exit_status
from lazymmu.support.project import ROOT

from tests.unit import examples


@pytest.fixture
def path(tmp_path: Path) -> str:
    examples.scenario(tmp_path, examples.NESTED)
    return str(tmp_path / "example.yaml")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--arch", "arm46"], "unknown architecture `arm46` (did you mean `arm64`?)"),
        (["--api", "mergd"], "unknown revision `mergd` (did you mean `merged`?)"),
        (["--api", "v5"], "unknown revision `v5`"),
        (["--tag", "nesting"], "unknown tag `nesting`"),
        (["--kernel", "newest"], "unknown kernel `newest`"),
        (["--impl", "other"], "unknown impl `other`"),
    ],
)
@pytest.mark.parametrize("command", ["run", "predict"])
def test_a_selection_of_what_is_not_there_is_refused_and_lists_what_is(
    command: str, path: str, flags: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, path, *flags]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "there is: " in error or "kernels: " in error


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["amd64"], "unknown architecture `amd64`"),
        (["arm64", "--"], "a command is needed after --"),
        (["arm64", "--kernel", "nope"], "unknown kernel `nope`"),
        (["arm64", "--push", "nope"], "--push nope: No such file"),
        (["arm64", "--pull", "etc/."], "--pull"),
        (["arm64", "--qemu-arg", "'"], "--qemu-arg"),
        (["arm64", "--kernel-arg", "a\nb"], "--kernel-arg"),
        (["arm64", "--kernel-arg", "x" * 1025], "--kernel-arg"),
    ],
)
def test_a_shell_that_cannot_be_is_refused_before_a_guest_starts(
    arguments: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "etc").touch()
    assert main(["shell", *arguments]) == 2
    assert told in capsys.readouterr().err


def test_an_unknown_transport_is_refused_and_those_that_are_there_are_listed(
    path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", path, "--transport", "carrier-pigeon"]) == 2
    assert "unknown transport `carrier-pigeon`\n  hint: there is: serial, ssh" in capsys.readouterr().err


@pytest.mark.parametrize("value", ["0", "-1", "fast", "nan", "inf"])
def test_a_time_scale_that_is_none_is_refused(path: str, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", path, f"--timeout-scale={value}"]) == 2
    assert value in capsys.readouterr().err


def test_a_selection_that_leaves_nothing_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    examples.scenario(tmp_path, "description: x\napi: [proposal]\nsteps: [enable]\n")
    assert main(["run", str(tmp_path)]) == 2
    assert "nothing is selected" in capsys.readouterr().err


def test_a_bad_scenario_is_refused_with_its_place_before_anything_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("description: x\nsteps:\n  - enabel\n")
    assert main(["run", str(bad)]) == 2
    error = capsys.readouterr().err
    assert f"{bad}:3:5: " in error
    assert "did you mean `enable`?" in error


def test_predictions_follow_the_contract(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", path, "--arch", "s390x", "--api", "amended", "--json", "-"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert set(document) == {"schema", "predictions"}
    (prediction,) = document["predictions"]
    assert set(prediction) == {"scenario", "case", "arch", "api", "impl", "kernel", "predicted", "skip"}
    trace = prediction["predicted"]
    assert trace["hooks"] == "eprffl"
    assert trace["tasks"] == {"main": {"count": 0, "enabled": False, "active": False}}
    assert {"iptes", "ipte_entries", "deferred", "direct", "warnings", "enable_with_ptes"} <= set(trace["counters"])
    assert "barriers" not in trace["counters"]
    assert (trace["values"], trace["outstanding"], trace["table"]) == ([], 0, {})
    assert "steps" not in trace


def test_predict_fails_when_a_pin_does_not_hold(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    examples.scenario(tmp_path, "description: x\nsteps: [enable]\nexpect: {hooks: el}\n")
    assert main(["predict", str(tmp_path)]) == 1
    assert "expect hooks" in capsys.readouterr().out


@pytest.mark.parametrize("flag", ["--json", "--junit", "--ktap", "--html"])
@pytest.mark.parametrize("target", ["", ".", "no/such/folder.json", "/proc/out.json"])
def test_a_report_that_cannot_be_written_is_refused_before_anything_starts(
    path: str,
    tmp_path: Path,
    flag: str,
    target: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["run", path, flag, target]) == 2
    assert f"{flag} `{target}`" in capsys.readouterr().err


@pytest.mark.parametrize(("one", "other"), [("-", "-"), ("x", "./x"), ("x", "link")])
def test_two_reports_that_go_to_one_place_are_refused(
    path: str,
    tmp_path: Path,
    one: str,
    other: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("link").symlink_to("x")
    assert main(["run", path, "--junit", one, "--ktap", other]) == 2
    assert f"--junit and --ktap both write to `{other}`" in capsys.readouterr().err


@pytest.mark.parametrize(("flag", "largest"), [("--repeat", "10000"), ("--shuffle", "9" * 18)])
@pytest.mark.parametrize("value", ["-1", "1.5", "x", "", "٣", "9" * 19, "0x1"])
def test_a_number_that_is_none_is_refused(
    path: str, flag: str, largest: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", path, f"{flag}={value}"]) == 2
    assert f"{flag} {value}: an integer" in capsys.readouterr().err
    # What is allowed gets as far as the next mistake.
    assert main(["run", path, f"{flag}={largest}", "--kernel", "newest"]) == 2
    assert "unknown kernel" in capsys.readouterr().err


def test_no_repetition_at_all_is_refused(path: str) -> None:
    assert main(["run", path, "--repeat", "0"]) == 2


def test_a_report_that_does_not_fit_is_an_error_that_names_its_flag(
    path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", path, "--json", "/dev/full"]) == 3
    assert "--json `/dev/full` could not be written: No space left on device" in capsys.readouterr().err


def test_an_earlier_runs_json_does_not_outlive_a_run_that_fails_to_start(path: str, tmp_path: Path) -> None:
    target = tmp_path / "out.json"
    assert main(["predict", path, "--json", str(target)]) == 0
    assert json.loads(target.read_text())["schema"] == 1
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "empty"), "PYTHONPATH": str(ROOT / "harness")}
    command = [sys.executable, "-m", "lazymmu", "run", path, "--offline", "--json", str(target)]
    assert subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 3
    assert not target.exists()


def test_json_goes_into_a_pipe_or_through_a_link_and_leaves_them_what_they_are(path: str, tmp_path: Path) -> None:
    pipe, link, real = tmp_path / "pipe", tmp_path / "link", tmp_path / "real.json"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE) as reader:
        try:
            assert main(["predict", path, "--json", str(pipe)]) == 0
            assert json.loads(reader.communicate(timeout=10)[0])["schema"] == 1
        finally:
            reader.kill()
    link.symlink_to(real)
    assert main(["predict", path, "--json", str(link)]) == 0
    assert (pipe.is_fifo(), link.is_symlink(), real.is_file()) == (True, True, True)


def test_a_reader_that_goes_away_does_not_change_the_status(tmp_path: Path) -> None:
    command = f"{sys.executable} -P -m lazymmu list | head -n 1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command],
        env={**os.environ, "PYTHONPATH": str(ROOT / "harness")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "0"
    assert done.stderr == ""


def test_a_description_that_the_terminal_cannot_show_is_escaped(tmp_path: Path) -> None:
    examples.scenario(tmp_path, "description: caf\u00e9\nsteps: [enable]\n")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "lazymmu", "list", str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "harness"), "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "caf\\xe9" in done.stdout


def test_a_damaged_lock_file_is_an_error_with_the_way_out(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    lock = tmp_path / "lazymmu" / "kernels" / "lts.json"
    lock.parent.mkdir(parents=True)
    lock.write_text('{"arm64": {}}')
    assert main(["run", path, "--offline"]) == 3
    assert f"{lock} is damaged" in capsys.readouterr().err


def test_an_unknown_revision_beside_all_is_refused(path: str) -> None:
    assert main(["predict", path, "--api", "all", "--api", "nope"]) == 2


def test_an_update_without_a_network_is_refused() -> None:
    assert main(["setup", "--offline", "--update"]) == 2


@pytest.mark.parametrize(
    ("outcomes", "no_skip", "status"),
    [
        ("pass", False, 0),
        ("pass fail", False, 1),
        ("pass fail error", False, 1),
        ("pass error", False, 3),
        ("pass skip", False, 0),
        ("pass skip", True, 3),
        ("skip", False, 2),
        ("", False, 2),
    ],
)
def test_exit_statuses(outcomes: str, no_skip: bool, status: int) -> None:
    counts = Counter(outcomes.split())
    assert exit_status({outcome: counts[outcome] for outcome in Outcome}, no_skip=no_skip) == status


@pytest.mark.parametrize(("status", "told"), [(0, 0), (1, 1), (2, 125), (3, 125), (130, 130)])
def test_bisecting_blames_no_commit_for_wrong_usage_or_a_broken_machine(
    path: str, status: int, told: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "main", lambda _: status)
    assert main(["run", path]) == status
    assert main(["run", path, "--bisect"]) == told


@pytest.mark.parametrize(
    "words",
    [
        ["no-such-scenario"],
        ["--no-such-flag"],
        ["--jobs", "0"],
        ["--kernel", "newest"],
        ["--watch"],
        # Nothing is in the cache of this test.
        ["--offline", "nesting/single"],
    ],
)
def test_bisecting_a_run_that_cannot_begin_says_nothing_of_the_commit(home: Path, words: list[str]) -> None:
    assert main(["run", *words, "--bisect"]) == 125


def test_only_a_run_bisects() -> None:
    assert main(["predict", "--bisect"]) == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "a command is needed"),
        (["rnu"], "unknown command `rnu` (did you mean `run`?)"),
        (["frobnicate"], "unknown command `frobnicate`\n  hint: there is: bench, clean,"),
        (["run", "--quite"], "unknown argument `--quite` (did you mean `--quiet`?)"),
        (["run", "--isolate=boot"], "unknown argument `--isolate`\n"),
        (["run", "--json"], "--json: expected one argument\n  hint: `lazymmu run --help`"),
        (["--verison"], "unknown argument `--verison` (did you mean `--version`?)"),
    ],
)
def test_a_mistyped_word_is_refused_with_what_was_probably_meant(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    assert message in capsys.readouterr().err


def test_a_guests_command_is_not_parsed() -> None:
    parser = command_parser(COMMANDS["shell"])
    assert parser.read(["arm64"]).words == ()
    arguments = parser.read(["arm64", "--", "ls", "--", "--push", "x"])
    assert (arguments.arch, arguments.push, arguments.words) == ("arm64", [], ("ls", "--", "--push", "x"))


def test_help_lists_every_command_and_explains_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    whole = capsys.readouterr().out
    assert all(f" {name} {command.HELP}" in " ".join(whole.split()) for name, command in COMMANDS.items())
    assert main(["help"]) == 0
    assert capsys.readouterr().out == whole
    assert main(["help", "clean"]) == 0
    assert "--dry-run" in capsys.readouterr().out
    assert main(["help", "claen"]) == 2


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"lazymmu {lazymmu.__version__}\n"


def test_a_native_prediction_has_what_is_seen_natively(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["predict", "nesting/single", "--impl", "native", "--kernel", "current", "--arch", "arm64", "--json", "-"]
    assert main(words) == 0
    (prediction,) = json.loads(capsys.readouterr().out)["predictions"]
    assert (prediction["impl"], prediction["kernel"]) == ("native", "current")
    assert "values" not in prediction["predicted"]
    assert prediction["predicted"]["tasks"]["main"]["pending"] is False


def test_a_header_that_nobody_named_is_refused(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", path, "--impl", "header"]) == 2
    assert "give --header FILE" in capsys.readouterr().err
    assert main(["predict", path, "--impl", "header"]) == 2
    assert "--impl header: the model predicts revisions" in capsys.readouterr().err
