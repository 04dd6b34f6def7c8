# SPDX-License-Identifier: GPL-2.0-only
"""The command line: what it refuses, what it suggests, its help, its predictions, and its exit statuses."""

import json
import sys
from collections import Counter
from pathlib import Path

import pytest
from lazymmu import __main__
from lazymmu.cli import main
from lazymmu.commands import COMMANDS, run
from lazymmu.parser import command_parser
from lazymmu.results.result import Outcome
from lazymmu.session.ending import exit_status

from tests.unit import examples
from tests.unit.rows import each_row


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The path of a scenario in the working folder; `link` leads to `x` there."""
    monkeypatch.chdir(tmp_path)
    Path("link").symlink_to("x")
    examples.scenario(tmp_path, examples.NESTED)
    return str(tmp_path / "example.yaml")


def test_a_mistyped_word_is_refused_with_what_was_probably_meant(capsys: pytest.CaptureFixture[str]) -> None:
    for words, message in (
        ([], "a command is needed"),
        (["rnu"], "unknown command `rnu` (did you mean `run`?)"),
        (["frobnicate"], "unknown command `frobnicate`\n  hint: there is: bench, clean,"),
        (["run", "--quite"], "unknown argument `--quite` (did you mean `--quiet`?)"),
        (["run", "--isolate=boot"], "unknown argument `--isolate` (did you mean `--isolation`?)"),
        (["run", "--json"], "--json: expected one argument\n  hint: `lazymmu run --help`"),
        (["predict", "--bisect"], "unknown argument `--bisect`"),
        (["--verison"], "unknown argument `--verison` (did you mean `--version`?)"),
        (["help", "claen"], "unknown command `claen` (did you mean `clean`?)"),
        (["setup", "--offline", "--update"], "--update needs a network"),
    ):
        assert (words, main(words)) == (words, 2)
        assert message in capsys.readouterr().err


@pytest.mark.parametrize("command", ["run", "predict"])
@each_row(
    ("flags", "message"),
    [
        (["--arch", "arm64,arm46"], "unknown architecture `arm46` (did you mean `arm64`?)\n  hint: there is: arm64, "),
        (["--api", "mergd"], "unknown revision `mergd` (did you mean `merged`?)"),
        (["--api", "all", "--api", "nope"], "unknown revision `nope`"),
        (["--tag", "nesting"], "unknown tag `nesting`"),
        (["--kernel", "newest"], "unknown kernel `newest`"),
        (["--impl", "module,other"], "unknown impl `other`\n  hint: there is: module, "),
        (["--impl", "header"], "header"),
    ],
)
def test_a_selection_of_what_does_not_exist_is_refused(
    command: str, path: str, flags: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, path, *flags]) == 2
    assert message in capsys.readouterr().err


@each_row(
    ("flags", "message"),
    [
        (["--transport", "pigeon"], "unknown transport `pigeon`\n  hint: there is: serial, ssh"),
        (["--timeout-scale=0"], "--timeout-scale 0"),
        (["--timeout-scale=nan"], "--timeout-scale nan"),
        (["--repeat=0"], "--repeat 0: an integer from 1 to 10000"),
        (["--repeat=10001"], "--repeat 10001"),
        (["--repeat=10000", "--kernel", "newest"], "unknown kernel"),
        (["--shard", "0/3"], "--shard 0/3: I/N is needed, with I from 1 to N"),
        (["--shard", "4/3"], "--shard 4/3"),
        (["--shard", "1/x"], "--shard 1/x"),
        (["--shard", "2"], "--shard 2"),
        (["--shard", "٣/٣"], "--shard ٣/٣"),
        (["--max-failures", "0"], "--max-failures 0"),
        (["--max-time", "1.5"], "--max-time 1.5"),
        (["--shuffle=-1"], "--shuffle -1: an integer from 0 to "),
        (["--shuffle=1.5"], "--shuffle 1.5"),
        (["--shuffle=٣"], "--shuffle ٣"),
        ([f"--shuffle={'9' * 18}", "--kernel", "newest"], "unknown kernel"),
        (["--json", ""], "--json ``"),
        (["--junit", "."], "--junit `.`"),
        (["--ktap", "no/such/file"], "--ktap `no/such/file`"),
        (["--html", "/proc/out.html"], "--html `/proc/out.html`"),
        (["--junit", "-", "--ktap", "-"], "--junit and --ktap both write to `-`"),
        (["--junit", "x", "--ktap", "./x"], "--junit and --ktap both write to `./x`"),
        (["--junit", "x", "--ktap", "link"], "--junit and --ktap both write to `link`"),
    ],
)
def test_a_run_with_a_wrong_flag_is_refused_before_anything_starts(
    path: str, flags: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", path, *flags]) == 2
    assert message in capsys.readouterr().err


@each_row(
    ("words", "message"),
    [
        (["amd64"], "unknown architecture `amd64`"),
        (["arm64", "--"], "a command is needed after --"),
        (["arm64", "--kernel", "nope"], "unknown kernel `nope`"),
        (["arm64", "--push", "nope"], "--push nope: No such file"),
        (["arm64", "--pull", "link/."], "--pull"),
        (["arm64", "--qemu-arg", "'"], "--qemu-arg"),
        (["arm64", "--kernel-arg", "a\nb"], "--kernel-arg"),
        (["arm64", "--kernel-arg", "x" * 1025], "--kernel-arg"),
    ],
)
def test_a_shell_with_a_wrong_flag_is_refused_before_a_guest_starts(
    path: str, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["shell", *words]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nesting/two-levels", "--arch", "arm64", "--at", "6"], "nesting/two-levels has the steps 0 to 5"),
        (["nesting/two-levels", "--arch", "arm64", "--at", "x"], "--at x: an integer from 0 to 65535 is needed"),
        (["nesting/deep", "--arch", "arm64", "--at", "0"], "name one: nesting/deep[depth=1], "),
        (["nesting/two-levels", "--arch", "amd64", "--at", "0"], "unknown architecture `amd64`"),
        (["nesting/two-levels", "--arch", "arm64", "--at", "0", "--gdb-command", "nope"], "--gdb-command nope: "),
    ],
)
def test_gdb_with_a_wrong_step_case_or_file_is_refused_before_a_guest_starts(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["gdb", *words]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("api: [proposal]\nsteps: [enable]\n", "nothing is selected"),
        ("steps:\n  - enabel\n", "bad.yaml:3:5: unknown step `enabel` (did you mean `enable`?)"),
    ],
)
def test_a_scenario_that_cannot_be_run_is_refused_before_anything_starts(
    tmp_path: Path, text: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.yaml").write_text(f"description: x\n{text}")
    assert main(["run", str(tmp_path)]) == 2
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


@pytest.mark.parametrize(("name", "value"), [("platform", "darwin"), ("version_info", (3, 10, 12))])
def test_another_system_or_an_old_python_gets_one_line(
    name: str, value: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, name, value)
    status = __main__.main()
    monkeypatch.undo()
    assert (status, capsys.readouterr().err) == (3, "lazymmu: Linux and Python 3.11 or newer are needed\n")


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


def test_a_native_prediction_has_what_is_seen_natively(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["predict", "nesting/single", "--impl", "native", "--kernel", "current", "--arch", "arm64", "--json", "-"]
    assert main(words) == 0
    (prediction,) = json.loads(capsys.readouterr().out)["predictions"]
    assert (prediction["impl"], prediction["kernel"]) == ("native", "current")
    assert prediction["predicted"]["counters"]["barriers"] == 0
    assert "warnings" not in prediction["predicted"]["counters"]
    assert prediction["predicted"]["tasks"]["main"]["pending"] is False


def test_predict_fails_if_a_pin_does_not_hold(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    examples.scenario(tmp_path, "description: x\nsteps: [enable]\nexpect: {hooks: el}\n")
    assert main(["predict", str(tmp_path)]) == 1
    assert "expect hooks" in capsys.readouterr().out


def test_a_report_that_does_not_fit_is_an_error_that_names_its_flag(
    path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", path, "--json", "/dev/full"]) == 3
    assert "--json `/dev/full` could not be written: No space left on device" in capsys.readouterr().err


def test_json_of_an_earlier_run_does_not_outlive_a_run_that_lacks_the_cache_and_the_network(
    path: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", path, "--json", "out.json"]) == 0
    assert json.loads(Path("out.json").read_text())["schema"] == 1
    assert main(["run", path, "--offline", "--json", "out.json"]) == 3
    assert not Path("out.json").exists()
    error = capsys.readouterr().err
    assert "are not in the cache" in error
    assert "lazymmu setup" in error


def test_a_cache_that_is_a_file_is_an_error_that_names_it(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "cache").touch()
    assert main(["setup"]) == 3
    assert capsys.readouterr().err.startswith(f"lazymmu: {home}/cache/lazymmu cannot be written: ")


def test_a_damaged_lock_file_is_an_error_with_the_way_out(
    path: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = home / "cache" / "lazymmu" / "lock" / "amd64" / "arm64" / "lts.json"
    lock.parent.mkdir(parents=True)
    lock.write_text('{"arm64": {}}')
    assert main(["run", path, "--offline"]) == 3
    assert f"{lock} is damaged" in capsys.readouterr().err


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


@pytest.mark.parametrize(("status", "bisected"), [(0, 0), (1, 1), (2, 125), (3, 125), (130, 130)])
def test_bisecting_blames_no_commit_for_wrong_usage_or_a_broken_machine(
    path: str, status: int, bisected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "main", lambda _: status)
    assert main(["run", path]) == status
    assert main(["run", path, "--bisect"]) == bisected


@pytest.mark.parametrize("words", ["no-such-scenario", "--no-such-flag", "--watch", "--offline nesting/single"])
def test_bisecting_blames_no_commit_if_the_run_cannot_begin(home: Path, words: str) -> None:
    # The cache of this test is empty.
    assert main(["run", *words.split(), "--bisect"]) == 125
