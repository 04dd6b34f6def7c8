# SPDX-License-Identifier: GPL-2.0-only
"""The launcher on hosts that lack something; each host is a PATH with only the programs that it has."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from lazymmu.support.project import ROOT

from tests.guest.processes import wait_until_none

# Each test makes a virtual environment or two.

TOOLS = ("sh", "cat", "dirname", "flock", "mv", "readlink", "rm", "setpriv", "setsid", "sort", "stat")


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A folder of programs: a normal user's host with Python, but without mmdebstrap and bubblewrap."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in TOOLS:
        found = shutil.which(name)
        assert found is not None
        (folder / name).symlink_to(found)
    (folder / "python3").symlink_to(sys.executable)
    program(folder / "id", "echo 1000")
    return folder


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with only what the launcher needs; its command line prints its arguments."""
    folder = tmp_path / "checkout"
    (folder / "harness" / "lazymmu").mkdir(parents=True)
    shutil.copy(ROOT / "lazymmu", folder)
    (folder / "requirements.txt").write_text("")
    (folder / "harness" / "lazymmu" / "__init__.py").write_text("")
    (folder / "harness" / "lazymmu" / "__main__.py").write_text("import sys\nprint('ran', *sys.argv[1:])\n")
    return folder


def program(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def launch(
    checkout: Path, host: Path, *arguments: str, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(checkout / "lazymmu"), *arguments],
        env={"PATH": str(host), "HOME": str(checkout), **(env or {})},
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )


def test_the_first_use_makes_the_environment_and_the_second_does_not(checkout: Path, host: Path) -> None:
    first = launch(checkout, host, "predict", "a b")
    assert (first.returncode, first.stdout) == (0, "ran predict a b\n"), first.stderr
    assert "making" in first.stderr
    second = launch(checkout, host, "predict")
    assert (second.returncode, second.stdout, second.stderr) == (0, "ran predict\n", "")
    assert sorted(path.name for path in checkout.iterdir() if path.name.startswith(".")) == [".venv", ".venv.lock"]


@pytest.mark.exhaustive
def test_bytecode_stands_in_the_environment_where_none_may_stand_beside_sources(checkout: Path, host: Path) -> None:
    done = launch(checkout, host, "predict", env={"PYTHONDONTWRITEBYTECODE": "1"})
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (checkout / "harness" / "lazymmu").iterdir()) == ["__init__.py", "__main__.py"]
    # What is run as the program itself has none.
    assert [path.parent for path in (checkout / ".venv" / "bytecode").rglob("lazymmu/*.pyc")] != []


@pytest.mark.exhaustive
def test_a_python_of_another_path_is_the_same_and_another_name_is_not(checkout: Path, host: Path) -> None:
    python = Path(sys.executable).resolve()
    # As a manager of Pythons does it: its shim, or, for what runs below its Python, the Python itself.
    program(host / "python3", f'exec {python} "$@"')
    launch(checkout, host, "predict")
    (host / "python3").unlink()
    (host / "python3").symlink_to(python)
    assert launch(checkout, host, "predict").stderr == ""
    (host / "another").symlink_to(python)
    assert "making" in launch(checkout, host, "predict", env={"LAZYMMU_PYTHON": "another"}).stderr


@pytest.mark.exhaustive
def test_other_requirements_make_it_anew(checkout: Path, host: Path) -> None:
    launch(checkout, host, "predict")
    (checkout / "requirements.txt").write_text("# changed\n")
    again = launch(checkout, host, "predict")
    assert again.returncode == 0
    assert "making" in again.stderr


def test_a_failed_build_leaves_nothing_behind(checkout: Path, host: Path) -> None:
    (checkout / "requirements.txt").write_text("./no-such-package\n")
    done = launch(checkout, host, "predict")
    assert done.returncode == 3
    assert "requirements.txt could not be installed" in done.stderr
    assert [path.name for path in checkout.iterdir() if path.name.startswith(".venv")] == [".venv.lock"]


def test_a_normal_user_is_told_the_one_command_that_installs_what_is_missing(checkout: Path, host: Path) -> None:
    # The environment is another test's.
    program(host / "python3", "exit 1")
    done = launch(checkout, host, "run")
    assert "lacks bubblewrap mmdebstrap" in done.stderr
    assert "apt-get install -y --no-install-recommends bubblewrap mmdebstrap" in done.stderr


@pytest.mark.exhaustive
def test_root_has_it_installed(checkout: Path, host: Path) -> None:
    program(host / "id", "echo 0")
    program(host / "apt-get", 'echo "apt-get $*"')
    done = launch(checkout, host, "setup")
    assert done.returncode == 0
    assert "apt-get install -y --no-install-recommends bubblewrap mmdebstrap\n" in done.stderr
    assert "apt-get" not in launch(checkout, host, "setup", "--offline").stderr
    # For what is there, chroot is enough.
    program(host / "mmdebstrap", "")
    assert "apt-get" not in launch(checkout, host, "setup").stderr


@pytest.mark.exhaustive
def test_predictions_need_neither(checkout: Path, host: Path) -> None:
    assert "lacks" not in launch(checkout, host, "predict").stderr


def test_an_old_or_missing_python_is_named(checkout: Path, host: Path) -> None:
    (host / "python3").unlink()
    missing = launch(checkout, host, "predict")
    assert missing.returncode == 3
    # To git bisect, 3 is a bad commit.
    assert launch(checkout, host, "run", "x", "--bisect").returncode == 125
    assert launch(checkout, host, "run", "--bisect", "x").returncode == 125
    assert "python3" in missing.stderr
    program(host / "python3", "exit 1")
    old = launch(checkout, host, "predict")
    assert old.returncode == 3
    assert "Python 3.11 or newer" in old.stderr


@pytest.mark.exhaustive
def test_it_works_from_anywhere_and_through_a_link(checkout: Path, host: Path, tmp_path: Path) -> None:
    link = tmp_path / "linked"
    link.symlink_to(checkout / "lazymmu")
    done = subprocess.run(
        [str(link), "list"],
        env={**os.environ, "PATH": str(host)},
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.stdout == "ran list\n", done.stderr


def stand_in_for_pip(host: Path, text: str) -> None:
    """Let `python3` make environments whose pip is this Python program: to make a real one takes 5 s."""
    real = Path(sys.executable)
    (host / "pip.py").write_text(text)
    program(
        host / "python3",
        f"""[ "$1 $2" = "-m venv" ] || exec {real} "$@"
        {real} -m venv --without-pip "$3" && cat {host}/pip.py >"$(echo "$3"/lib/python3*/site-packages)/pip.py\"""",
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_an_end_from_outside_ends_pip_and_the_next_use_starts_anew(
    checkout: Path, host: Path, number: signal.Signals
) -> None:
    os.mkfifo(checkout / "asked")
    # What it started ends with it, unless nobody is left to see to that.
    child = "pass" if number is signal.SIGKILL else "subprocess.Popen(['sleep', '600'])"
    told = f"open('{checkout}/asked', 'w').write(sys.argv[1])"
    stand_in_for_pip(host, f"import subprocess, sys, time\n{child}\n{told}\ntime.sleep(600)\n")
    command = ["env", "--default-signal=INT", str(checkout / "lazymmu"), "predict"]
    with subprocess.Popen(command, env={"PATH": f"{host}:/usr/bin", "HOME": str(checkout)}) as process:
        assert (checkout / "asked").read_text() == "install"
        begin = time.monotonic()
        process.send_signal(number)
        status = process.wait(60)
        assert wait_until_none(str(checkout)) == {}
    assert time.monotonic() - begin < 3
    if number is signal.SIGKILL:
        assert status == -number
    else:
        assert status == 130
        assert [path.name for path in checkout.iterdir() if path.name.startswith(".venv")] == [".venv.lock"]
    stand_in_for_pip(host, "")
    assert launch(checkout, host, "predict").returncode == 0
    assert sorted(path.name for path in checkout.iterdir() if path.name.startswith(".")) == [".venv", ".venv.lock"]
