# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu run` on real guests: right implementations pass, wrong ones fail, and broken machines are errors."""

import json
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.guest.checkouts import at_start_of
from tests.guest.conftest import Lazymmu
from tests.guest.processes import gone, wait_for_qemus, wait_for_text

ARCHES = ["arm64", "s390x", "x86_64"]
# Seconds of work for a guest.
LONG = "description: x\nsteps: [repeat: {times: 4000, steps: [interrupt: [enable, flush]]}]\n"
FLUSH = "description: x\nsteps: [enable, flush, disable]\n"
PLAIN = "description: x\nsteps: [enable, disable]\n"


def write(folder: Path, **texts: str) -> str:
    """Write scenarios by name; return their folder."""
    folder.mkdir()
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text)
    return str(folder)


def outcomes(document: dict, scenario: str) -> set[tuple[str, str]]:  # type: ignore[type-arg]
    """Return (architecture, outcome) of a scenario's results."""
    return {(r["arch"], r["outcome"]) for r in document["results"] if r["scenario"].endswith(scenario)}


def test_the_whole_library_passes_on_every_architecture(
    lazymmu: Lazymmu, everyday_or_all: Callable[[int, int], int]
) -> None:
    # Every revision takes minutes. Every day, other tests run some scenarios, and random programs, of all the others.
    apis = ("amended", "with-ptes", "all")[: everyday_or_all(1, 3)]
    flags = [word for api in apis for word in ("--api", api)]
    expected = json.loads(lazymmu("predict", *flags, "--json", "-").stdout)["predictions"]
    done, document = lazymmu.run(*flags)
    assert done.returncode == 0, done.stdout + done.stderr
    assert document["schema"] == 1
    skips = sum(prediction["skip"] is not None for prediction in expected)
    assert document["summary"] == {"pass": len(expected) - skips, "fail": 0, "error": 0, "skip": skips}
    keys = ("scenario", "case", "arch", "api")
    assert [[r[key] for key in keys] for r in document["results"]] == [[p[key] for key in keys] for p in expected]
    for result, prediction in zip(document["results"], expected, strict=True):
        assert set(result) >= {"impl", "kernel", "outcome", "reason", "observed", "predicted", "seconds"}
        outcome = "skip" if prediction["skip"] else "pass"
        assert (result["impl"], result["kernel"], result["outcome"]) == ("module", "lts", outcome)
        assert result["reason"] == (prediction["skip"] or "")
        assert result["observed"] == result["predicted"] == prediction["predicted"]
    assert sorted(document["accelerators"]) == ARCHES
    assert {entry["name"] for entry in document["accelerators"].values()} <= {"tcg", "kvm"}
    assert all(entry["reason"] for entry in document["accelerators"].values())


def test_a_wrong_implementation_fails_with_the_step_and_its_place(broken: Callable[..., Lazymmu]) -> None:
    wrong = broken(at_start_of("lmm_arch_flush", "return;"))
    done, document = wrong.run("nesting/two-levels", "nesting/single", "--api", "merged")
    assert done.returncode == 1, done.stdout + done.stderr
    assert outcomes(document, "two-levels") == {(arch, "fail") for arch in ARCHES}
    assert outcomes(document, "single") == {(arch, "pass") for arch in ARCHES}
    for result in document["results"]:
        if result["outcome"] == "fail":
            assert (
                "nesting/two-levels.yaml:8:5: step 2 disable: hooks: predicted f, observed (none)" in result["reason"]
            )
            assert result["observed"]["steps"] != result["predicted"]["steps"]
    assert "step 2 disable: hooks" in done.stdout


def test_a_warning_of_the_kernel_is_an_error_unless_the_scenario_allows_it(
    broken: Callable[..., Lazymmu], tmp_path: Path
) -> None:
    warning = broken(at_start_of("lmm_arch_flush", "WARN_ON_ONCE(1);"))
    allowing = FLUSH + "kernel_warnings: allowed\n"
    folder = write(tmp_path / "given", a_allowing=allowing, b_flush=FLUSH, c_plain=PLAIN)
    done, document = warning.run(folder, "--api", "merged", "--arch", "s390x")
    assert done.returncode == 3, done.stdout + done.stderr
    assert outcomes(document, "a_allowing") == outcomes(document, "c_plain") == {("s390x", "pass")}
    # A kernel warns once, so this unit ran in another guest.
    assert outcomes(document, "b_flush") == {("s390x", "error")}
    struck = document["results"][1]
    assert "the guest's kernel complained: WARNING" in struck["reason"]
    assert "hook.c" in struck["details"]


def test_a_machine_that_loses_one_guest_after_the_other_is_given_up(
    broken: Callable[..., Lazymmu], tmp_path: Path
) -> None:
    panicking = broken(at_start_of("lmm_arch_flush", 'panic("again");'))
    folder = write(tmp_path / "given", **{f"flush{n}": FLUSH for n in range(5)})
    done, document = panicking.run(folder, "--api", "merged", "--arch", "arm64")
    assert done.returncode == 3, done.stdout + done.stderr
    assert document["summary"] == {"pass": 0, "fail": 0, "error": 5, "skip": 0}
    # Three guests were lost, and the other units had none.
    assert len({result["details"] for result in document["results"]}) == 3
    reasons = [result["reason"] for result in document["results"]]
    assert [("not run, because its machine lost 3 guests in a row" in reason) for reason in reasons] == [False] * 3 + [
        True
    ] * 2
    # The panics are one cause, and the units without a guest another.
    assert "the same in 2 more, " in done.stdout
    assert "the same in 1 more, " in done.stdout


def test_a_killed_qemu_is_an_error_of_one_unit(lazymmu: Lazymmu, tmp_path: Path) -> None:
    path, out = tmp_path / "run.json", tmp_path / "out"
    command = lazymmu.command("run", write(tmp_path / "given", single=LONG), "--json", str(path), "--out", str(out))
    with subprocess.Popen(command, env=lazymmu.environment(), stdout=subprocess.PIPE, text=True) as process:
        victim = wait_for_qemus(process.pid, 3)["qemu-system-s390x"]
        # Before that, its death may look like a bad snapshot, which costs no unit.
        wait_for_text(out / "guests" / "s390x-1.console.log", "lazymmu-agent: run ")
        begin = time.monotonic()
        subprocess.run(["kill", "-KILL", str(victim)], check=True)
        output = process.communicate()[0]
    assert process.returncode == 3, output
    assert time.monotonic() - begin < 60
    document = json.loads(path.read_text())
    # All units fail if it dies while it wakes up, and only the running one if it dies later.
    found = outcomes(document, "single") - {("s390x", "pass")}
    assert found == {("arm64", "pass"), ("s390x", "error"), ("x86_64", "pass")}
    counts = Counter(r["outcome"] for r in document["results"])
    assert counts in ({"pass": 4, "error": 2}, {"pass": 5, "error": 1})
    assert "s390x: QEMU exited with status" in output


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.exhaustive), signal.SIGKILL]
)
def test_a_signal_leaves_no_qemu(lazymmu: Lazymmu, number: signal.Signals) -> None:
    # In a shell's background job, SIGINT is ignored by all child processes.
    command = ["env", "--default-signal=INT", *lazymmu.command("run", "nesting", "--repeat", "50")]
    with subprocess.Popen(
        command, env=lazymmu.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        pids = [*wait_for_qemus(process.pid, 3).values()]
        process.send_signal(number)
        output = process.communicate(timeout=30)[0]
    assert gone(pids)
    if number is signal.SIGKILL:
        assert process.returncode == -signal.SIGKILL
    else:
        assert process.returncode == 130
        assert "interrupted: " in output
