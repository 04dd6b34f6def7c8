# SPDX-License-Identifier: GPL-2.0-only
"""The launcher, on hosts that lack something. Each host is a PATH with only the programs that it has."""

import fcntl
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest
from lazymmu.support.project import ROOT

from tests.disks import replaced, without_privileges
from tests.guest.processes import wait_until_none
from tests.integration.provision.archive import ARCH, Mirror, closed, debian, every, write_lock
from tests.integration.provision.conftest import mirror
from tests.unit import apart

__all__ = ["mirror"]

TOOLS = ("sh", "cat", "dirname", "readlink", "stat", "uname")
MAKING = "making "
INSTALLERS = {
    "debian": "apt-get install -y python3-venv bubblewrap",
    "fedora": "dnf install -y python3 bubblewrap",
    "arch": "pacman -S --needed --noconfirm python bubblewrap",
}


def program(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def pip(host: Path, text: str) -> None:
    """Let this Python program be the host's pip."""
    (host / "pip.py").write_text(text)
    setpriv = shutil.which("setpriv")
    is_pip = (
        f'[ "$6 $7" != "pip install" ] || {{ shift 6; set -- --pdeathsig KILL {sys.executable} {host}/pip.py "$@"; }}'
    )
    program(host / "setpriv", f'{is_pip}\nexec {setpriv} "$@"')


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A folder of programs: a normal user's host with Python, but without bubblewrap."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in TOOLS:
        found = shutil.which(name)
        assert found is not None
        (folder / name).symlink_to(found)
    program(folder / "id", "echo 1000")
    program(folder / "python3", f'exec {sys.executable} "$@"')
    pip(folder, "")
    return folder


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with only what the launcher needs; its command line prints its arguments."""
    folder = tmp_path / "checkout"
    (folder / "tests").mkdir(parents=True)
    for name in ("architectures", "provision", "support"):
        # With the bytecode, as in tests/guest/checkouts.py.
        shutil.copytree(
            ROOT / "harness/lazymmu" / name,
            folder / "harness/lazymmu" / name,
            ignore=shutil.ignore_patterns("*.pyc.*"),
        )
    for file in (ROOT / "harness/lazymmu").glob("*.py"):
        shutil.copy2(file, folder / "harness/lazymmu")
    shutil.copy(ROOT / "lazymmu", folder)
    for name in ("requirements.txt", "tests/tox.txt"):
        (folder / name).write_text("")
    (folder / "harness/lazymmu/__main__.py").write_text("import sys\nprint('ran', *sys.argv[1:])\n")
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


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[Any]) -> None:
    """Wait for a condition while a process runs."""
    end = time.monotonic() + 30
    while not condition():
        if process.poll() is not None or time.monotonic() > end:
            process.kill()
            pytest.fail("it did not come")


def environments(checkout: Path) -> list[str]:
    return sorted(path.name for path in checkout.glob(".venv*"))


@pytest.mark.exhaustive
def test_the_first_use_makes_the_environment_with_the_real_pip(checkout: Path, host: Path) -> None:
    (host / "setpriv").unlink()
    (host / "setpriv").symlink_to(str(shutil.which("setpriv")))
    (checkout / "requirements.txt").write_text("tox\n")
    (checkout / "harness/lazymmu/__main__.py").write_text("import tox\nprint(tox.__name__)\n")
    first = launch(checkout, host, "predict")
    assert (first.returncode, first.stdout) == (0, "tox\n"), first.stderr


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
    for folder in list(checkout.rglob("__pycache__")):
        shutil.rmtree(folder)
    for _ in range(2):
        assert launch(checkout, host, "predict", PYTHONDONTWRITEBYTECODE="1").returncode == 0
    assert list((checkout / "harness").rglob("*.pyc")) == []
    assert list((checkout / ".venv" / "bytecode").rglob("lazymmu/*.pyc")) != []


def test_it_works_through_a_link(checkout: Path, host: Path, tmp_path: Path) -> None:
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "lazymmu").symlink_to(checkout / "lazymmu")
    assert launch(tmp_path / "linked", host, "list").stdout == "ran list\n"


def test_tests_have_an_environment_of_their_own_with_tox_alone(checkout: Path, host: Path) -> None:
    pip(host, f"import sys\nopen('{checkout}/asked', 'w').write(sys.argv[-1])")
    assert launch(checkout, host, "test", "unit").stdout == "ran test unit\n"
    assert (checkout / "asked").read_text() == f"{checkout}/tests/tox.txt"
    assert (environments(checkout), (checkout / ".tox/launcher/bin/python").exists()) == ([], True)


@pytest.mark.parametrize(
    ("words", "left"),
    [
        (["--install", "run", "x"], "run x"),
        (["run", "--install", "x y", "--install"], "run x y"),
        (["shell", "--", "pip", "--install"], "shell -- pip --install"),
    ],
)
def test_it_takes_its_own_flag_from_the_words(checkout: Path, host: Path, words: list[str], left: str) -> None:
    assert launch(checkout, host, *words).stdout == f"ran {left}\n"


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("ID=debian", "debian"),
        ("ID=ubuntu\nID_LIKE=debian", "debian"),
        ('ID="rocky"\nID_LIKE="rhel centos fedora"', "fedora"),
        ("ID=arch", "arch"),
        ("ID=odd", "debian"),
    ],
)
def test_what_is_missing_is_named_with_a_command_for_each_distribution_that_of_the_host_first(
    checkout: Path, host: Path, text: str, first: str
) -> None:
    (host / "os-release").write_text(text)
    prefix = [*replaced(host / "os-release", Path("/etc/os-release")), "env", f"PATH={host}"]
    done = launch(checkout, host, "run", prefix=prefix, PATH=os.environ["PATH"])
    assert (done.returncode, done.stdout) == (0, "ran run\n"), done.stderr
    ordered = [INSTALLERS[first], *(line for family, line in INSTALLERS.items() if family != first)]
    message = "lazymmu: this host lacks bubblewrap; as root, one of these installs it:\n"
    assert message + "".join(f"    {line}\n" for line in ordered) in done.stderr


def test_only_guests_need_bubblewrap_and_root_can_do_without_it(checkout: Path, host: Path) -> None:
    for command in ("run", "setup", "test"):
        assert "lacks bubblewrap" in launch(checkout, host, command).stderr
    assert "lacks" not in launch(checkout, host, "predict").stderr
    program(host / "id", "echo 0")
    assert "lacks" not in launch(checkout, host, "run").stderr


def without_python(_checkout: Path, host: Path) -> None:
    (host / "python3").rename(host / "later")


@pytest.fixture
def installed(checkout: Path, host: Path) -> Path:
    """A file with what root has installed on a host without Python."""
    without_python(checkout, host)
    program(host / "id", "echo 0")
    program(host / "apt-get", f'echo "$*" >>{checkout}/installed; /bin/cp {host}/later {host}/python3')
    return checkout / "installed"


@pytest.mark.parametrize(
    ("words", "ci", "installs"),
    [
        (["predict"], "", False),
        (["predict"], "true", True),
        (["predict", "--install"], "", True),
        (["predict", "--install", "--offline"], "true", False),
    ],
)
def test_it_installs_only_what_it_is_asked_for(
    checkout: Path, host: Path, installed: Path, words: list[str], ci: str, installs: bool
) -> None:
    done = launch(checkout, host, *words, CI=ci)
    assert "lacks python3 with venv; as root, one of these installs it:" in done.stderr
    assert (done.returncode, done.stdout) == ((0, "ran predict\n") if installs else (3, "")), done.stderr
    assert installed.exists() == installs
    if installs:
        assert installed.read_text() == f"update\n{INSTALLERS['debian'].removeprefix('apt-get ')}\n"


def test_a_normal_user_installs_nothing(checkout: Path, host: Path, installed: Path) -> None:
    program(host / "id", "echo 1000")
    assert launch(checkout, host, "predict", "--install", CI="true").returncode == 3
    assert not installed.exists()


@pytest.mark.parametrize(("answer", "status"), [("y", 0), ("n", 3), ("", 3)])
def test_root_is_asked_on_a_terminal(checkout: Path, host: Path, installed: Path, answer: str, status: int) -> None:
    ours, terminal = pty.openpty()
    command, environment = [str(checkout / "lazymmu"), "predict"], {"PATH": str(host), "HOME": str(checkout)}
    with subprocess.Popen(command, env=environment, stdin=terminal, stdout=subprocess.PIPE, stderr=terminal) as process:
        shown = b""
        while b"[y/N] " not in shown:
            shown += os.read(ours, 1000)
        os.write(ours, f"{answer}\n".encode())
        assert process.wait(60) == status
    os.close(ours)
    os.close(terminal)
    assert installed.exists() == (status == 0)


def with_an_old_python(_checkout: Path, host: Path) -> None:
    program(host / "python3", "exit 4")


def on_another_system(_checkout: Path, host: Path) -> None:
    program(host / "uname", "echo Darwin")


def in_a_folder_that_cannot_be_written(checkout: Path, _host: Path) -> None:
    checkout.chmod(0o555)


def with_a_lock_that_cannot_be_taken(checkout: Path, _host: Path) -> None:
    (checkout / ".venv.lock").mkdir()


def with_requirements_that_cannot_be_installed(_checkout: Path, host: Path) -> None:
    pip(host, "raise SystemExit(1)")


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
        (without_python, "lacks python3 with venv"),
        (with_an_old_python, "lazymmu needs Python 3.11 or newer"),
        (on_another_system, "lazymmu needs Linux; this is Darwin"),
        (in_a_folder_that_cannot_be_written, "cannot be made: [Errno 13] Permission denied"),
        (with_a_lock_that_cannot_be_taken, "cannot be made: [Errno 21] Is a directory"),
        (with_requirements_that_cannot_be_installed, "requirements.txt could not be installed"),
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
    command = ["env", "--default-signal=INT", str(checkout / "lazymmu"), "predict"]
    with (checkout / ".venv.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        waiting = re.compile(rf"-> FLOCK .*:{os.fstat(lock.fileno()).st_ino} ")
        with subprocess.Popen(command, env={"PATH": f"{host}:/usr/bin", "HOME": str(checkout)}) as process:
            wait_until(lambda: bool(waiting.search(Path("/proc/locks").read_text())), process)
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 130
    assert wait_until_none(str(checkout)) == {}


def test_a_run_says_how_long_the_user_waited(home: Path) -> None:
    # No kernel has such functions for s390x, so no guest is needed to say so.
    words = ("run", "nesting/single", "--impl", "native", "--arch", "s390x", "--api", "merged")
    now = time.clock_gettime(time.CLOCK_BOOTTIME)
    for began, least, most in ((f"{now - 200:.2f}", 200, 300), (f"{now - 20000:.2f}", 0, 100), ("nan", 0, 100)):
        done = subprocess.run(
            apart.command(*words),
            env=apart.environment(LAZYMMU_BEGAN=began),
            capture_output=True,
            text=True,
            check=False,
        )
        told = re.search(r" in ([0-9.]+) s\n$", done.stdout)
        assert told is not None and least <= float(told[1]) < most, done.stdout + done.stderr


def test_a_run_counts_from_the_start_of_its_launcher(checkout: Path, host: Path) -> None:
    (checkout / "harness/lazymmu/__main__.py").write_text("import os\nprint(os.environ.get('LAZYMMU_BEGAN'))\n")
    for _ in range(2):
        before = time.clock_gettime(time.CLOCK_BOOTTIME) - 0.01
        began = float(launch(checkout, host, "run").stdout)
        assert before <= began <= time.clock_gettime(time.CLOCK_BOOTTIME)
    assert launch(checkout, host, "list").stdout == "None\n"


def started(checkout: Path, host: Path) -> subprocess.Popen[str]:
    """Start a launcher whose pip waits for somebody to write to the file `go`."""
    os.mkfifo(checkout / "go")
    pip(host, f"open('{checkout}/go').read()")
    program(host / "bwrap", "")
    environment = {**os.environ, "PATH": str(host), "HOME": str(checkout)}
    command = ["/usr/bin/env", "--default-signal=INT", str(checkout / "lazymmu"), "run", "--arch", ARCH]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_what_a_run_needs_is_fetched_while_pip_works(checkout: Path, host: Path, mirror: Mirror) -> None:
    locked = debian(mirror)
    write_lock(mirror, locked)
    wanted = every(locked)
    with started(checkout, host) as process:
        wait_until(lambda: mirror.unpacked(wanted) == wanted, process)
        assert not (checkout / ".venv").exists()
        (checkout / "go").write_text("")
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, f"ran run --arch {ARCH}\n"), err
    assert f"for {ARCH}" in err
    assert len(mirror.requests) == len(wanted)


@pytest.mark.parametrize("interrupted", [False, True])
def test_a_mirror_that_does_not_answer_delays_neither_the_command_nor_an_interrupt(
    checkout: Path, host: Path, mirror: Mirror, interrupted: bool
) -> None:
    locked = debian(mirror)
    write_lock(mirror, locked)
    mirror.faults = {package.path: repeat(partial(closed, after=600)) for package in every(locked)}
    with started(checkout, host) as process:
        wait_until(lambda: bool(mirror.requests), process)
        begin = time.monotonic()
        if interrupted:
            process.send_signal(signal.SIGINT)
        else:
            (checkout / "go").write_text("")
        out, err = process.communicate(timeout=60)
    assert time.monotonic() - begin < 5
    assert (process.returncode, out) == ((130, "") if interrupted else (0, f"ran run --arch {ARCH}\n")), err
    assert wait_until_none(str(checkout)) == {}
    for path in (mirror.cache.root / "locks").iterdir():
        with path.open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
