# SPDX-License-Identifier: GPL-2.0-only
"""The launcher, on hosts that lack something. Each host is a PATH with only the programs that it has."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from lazymmu.support.project import ROOT

from tests.disks import without_privileges
from tests.guest.processes import wait_until_none

TOOLS = ("sh", "cat", "cp", "dirname", "flock", "mv", "readlink", "rm", "setpriv", "setsid", "sort", "stat", "uname")
MAKING = "making "


def program(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def pip(host: Path, text: str) -> None:
    """Give the environments that this host makes a pip that is this Python program."""
    (host / "pip.py").write_text(text)
    make = f'{sys.executable} -m venv --without-pip "$3" && cp {host}/pip.py "$(echo "$3"/lib/python3*/site-packages)"'
    program(host / "python3", f'[ "$1 $2" = "-m venv" ] || exec {sys.executable} "$@"\n{make}')


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A folder of programs: a normal user's host with Python, but without mmdebstrap and bubblewrap."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in TOOLS:
        found = shutil.which(name)
        assert found is not None
        (folder / name).symlink_to(found)
    program(folder / "id", "echo 1000")
    pip(folder, "")
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


def launch(
    checkout: Path, host: Path, *arguments: str, prefix: Sequence[str] = (), **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*prefix, str(checkout / "lazymmu"), *arguments],
        env={"PATH": str(host), "HOME": str(checkout), **environment},
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )


def environments(checkout: Path) -> list[str]:
    return sorted(path.name for path in checkout.glob(".venv*"))


@pytest.mark.exhaustive
def test_the_first_use_makes_the_environment_with_the_real_pip(checkout: Path, host: Path) -> None:
    (host / "python3").unlink()
    (host / "python3").symlink_to(sys.executable)
    first = launch(checkout, host, "predict", "a b")
    assert (first.returncode, first.stdout) == (0, "ran predict a b\n"), first.stderr


def test_the_environment_is_made_once_for_each_python_and_each_version_of_the_requirements(
    checkout: Path, host: Path
) -> None:
    first = launch(checkout, host, "predict", "a b")
    assert (first.returncode, first.stdout, MAKING in first.stderr) == (0, "ran predict a b\n", True), first.stderr
    second = launch(checkout, host, "predict")
    assert (second.returncode, second.stdout, second.stderr) == (0, "ran predict\n", "")
    assert environments(checkout) == [".venv", ".venv.lock"]
    (checkout / "requirements.txt").write_text("# changed\n")
    assert MAKING in launch(checkout, host, "predict").stderr
    (host / "another").symlink_to(host / "python3")
    assert MAKING in launch(checkout, host, "predict", LAZYMMU_PYTHON="another").stderr
    # A manager of Pythons has the same one at several paths.
    program(host / "another", f'exec {host}/python3 "$@"')
    assert launch(checkout, host, "predict", LAZYMMU_PYTHON="another").stderr == ""


def test_bytecode_is_kept_in_the_environment_if_it_may_not_be_beside_sources(checkout: Path, host: Path) -> None:
    assert launch(checkout, host, "predict", PYTHONDONTWRITEBYTECODE="1").returncode == 0
    assert sorted(path.name for path in (checkout / "harness" / "lazymmu").iterdir()) == ["__init__.py", "__main__.py"]
    assert list((checkout / ".venv" / "bytecode").rglob("lazymmu/*.pyc")) != []


def test_it_works_through_a_link(checkout: Path, host: Path, tmp_path: Path) -> None:
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "lazymmu").symlink_to(checkout / "lazymmu")
    assert launch(tmp_path / "linked", host, "list").stdout == "ran list\n"


def test_a_normal_user_gets_the_command_that_installs_what_is_missing(checkout: Path, host: Path) -> None:
    done = launch(checkout, host, "run")
    assert "lacks bubblewrap mmdebstrap" in done.stderr
    assert "apt-get install -y --no-install-recommends bubblewrap mmdebstrap" in done.stderr
    assert "lacks" not in launch(checkout, host, "predict").stderr
    assert "lacks" not in launch(checkout, host, "run", "--offline").stderr


def test_root_gets_the_packages_installed(checkout: Path, host: Path) -> None:
    program(host / "id", "echo 0")
    program(host / "apt-get", 'echo "apt-get $*"')
    assert (
        "apt-get install -y --no-install-recommends bubblewrap mmdebstrap\n" in launch(checkout, host, "setup").stderr
    )
    # If only bubblewrap is missing, chroot is enough.
    program(host / "mmdebstrap", "")
    assert "apt-get" not in launch(checkout, host, "setup").stderr


def without_python(_checkout: Path, host: Path) -> None:
    (host / "python3").unlink()


def with_an_old_python(_checkout: Path, host: Path) -> None:
    program(host / "python3", "exit 1")


def on_another_system(_checkout: Path, host: Path) -> None:
    program(host / "uname", "echo Darwin")


def in_a_folder_that_cannot_be_written(checkout: Path, _host: Path) -> None:
    checkout.chmod(0o555)


def with_a_lock_that_cannot_be_taken(_checkout: Path, host: Path) -> None:
    program(host / "flock", "echo no locks here >&2; exit 1")


def with_requirements_that_cannot_be_installed(_checkout: Path, host: Path) -> None:
    pip(host, "raise SystemExit(1)")


def with_a_full_disk(_checkout: Path, host: Path) -> None:
    program(host / "mv", "echo No space left on device >&2; exit 1")


def with_an_environment_that_does_not_start(checkout: Path, host: Path) -> None:
    launch(checkout, host, "predict")
    python = (checkout / ".venv" / "bin" / "python").resolve()
    stamp = checkout / ".venv" / "stamp"
    (checkout / ".venv" / "bin" / "python").unlink()
    (checkout / ".venv" / "bin" / "python").write_text("")
    old = python.stat()
    new = (checkout / ".venv" / "bin" / "python").stat()
    stamp.write_text(
        stamp.read_text().replace(f"{old.st_size} {int(old.st_mtime)}", f"{new.st_size} {int(new.st_mtime)}")
    )


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (without_python, "lazymmu needs Python 3.11 or newer"),
        (with_an_old_python, "lazymmu needs Python 3.11 or newer"),
        (on_another_system, "lazymmu needs Linux; this is Darwin"),
        (in_a_folder_that_cannot_be_written, "cannot be made: the folder cannot be written"),
        (with_a_lock_that_cannot_be_taken, "no locks here"),
        (with_requirements_that_cannot_be_installed, "requirements.txt could not be installed"),
        (with_a_full_disk, "No space left on device"),
        (with_an_environment_that_does_not_start, "ermission denied"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_broken_host_is_status_3_and_no_verdict_of_a_bisection(
    checkout: Path, host: Path, spoil: object, message: str
) -> None:
    assert callable(spoil)
    spoil(checkout, host)
    before = environments(checkout)
    for words, status in ((["predict"], 3), (["run", "x", "--bisect"], 125), (["run", "--bisect"], 125)):
        done = launch(checkout, host, *words, prefix=without_privileges())
        assert (done.returncode, message in done.stderr) == (status, True), done.stderr
    assert [name for name in environments(checkout) if name not in before] in ([], [".venv.lock"])
    checkout.chmod(0o755)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_an_interrupt_ends_pip_and_the_next_use_starts_from_the_beginning(
    checkout: Path, host: Path, number: signal.Signals
) -> None:
    os.mkfifo(checkout / "asked")
    # What it started ends with it, unless nobody is left to see to that.
    child = "pass" if number is signal.SIGKILL else "subprocess.Popen(['sleep', '600'])"
    told = f"open('{checkout}/asked', 'w').write(sys.argv[1])"
    pip(host, f"import subprocess, sys, time\n{child}\n{told}\ntime.sleep(600)\n")
    command = ["env", "--default-signal=INT", str(checkout / "lazymmu"), "predict"]
    with subprocess.Popen(command, env={"PATH": f"{host}:/usr/bin", "HOME": str(checkout)}) as process:
        assert (checkout / "asked").read_text() == "install"
        begin = time.monotonic()
        process.send_signal(number)
        status = process.wait(60)
        assert wait_until_none(str(checkout)) == {}
    assert time.monotonic() - begin < 3
    assert status == (-number if number is signal.SIGKILL else 130)
    if number is not signal.SIGKILL:
        assert environments(checkout) == [".venv.lock"]
    pip(host, "")
    assert launch(checkout, host, "predict").returncode == 0
    assert environments(checkout) == [".venv", ".venv.lock"]


def test_an_interrupt_ends_the_wait_for_another_launcher(checkout: Path, host: Path) -> None:
    os.mkfifo(checkout / "asked")
    program(host / "flock", f"echo waiting >{checkout}/asked; exec /usr/bin/sleep 600")
    command = ["env", "--default-signal=INT", str(checkout / "lazymmu"), "predict"]
    with subprocess.Popen(command, env={"PATH": f"{host}:/usr/bin", "HOME": str(checkout)}) as process:
        assert (checkout / "asked").read_text() == "waiting\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 130
    assert wait_until_none(str(checkout)) == {}
