# SPDX-License-Identifier: GPL-2.0-only
"""The doctor works where nothing else does, names what is missing with its command, and changes nothing."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from lazymmu.cli import main
from lazymmu.doctor import guests
from lazymmu.doctor.cache_state import NotThere, Question, Situation
from lazymmu.doctor.check import State
from lazymmu.provision import tool_root
from lazymmu.provision.cache import Cache
from lazymmu.provision.catalogue import kernel
from lazymmu.provision.progress import Progress
from lazymmu.provision.sandbox import Sandbox
from msgspec import Struct

from tests.disks import small
from tests.unit import apart, examples

pytestmark = pytest.mark.skipif(
    shutil.which("mmdebstrap") is None, reason="what doctor says is told for hosts that could fetch"
)


class Told(Struct, frozen=True):
    """What doctor said."""

    status: int
    #: Name -> check.
    checks: Mapping[str, Mapping[str, Any]]
    text: str

    def blocking(self) -> list[str]:
        return [name for name, check in self.checks.items() if check["blocks"]]


def doctor(home: Path, *flags: str) -> Told:
    """Run the command here."""
    output = io.StringIO()
    with redirect_stdout(output):
        status = main(["doctor", "--json", str(home / "doctor.json"), *flags])
    return told_by(home, status, output.getvalue())


def doctor_apart(home: Path, *flags: str, prefix: Sequence[str] = (), **environment: str) -> Told:
    """Run the command in a process of its own."""
    target = home / "doctor.json"
    done = subprocess.run(
        [*prefix, *apart.command("doctor", "--json", str(target), *flags)],
        env=apart.environment(**environment),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stderr == ""
    return told_by(home, done.returncode, done.stdout)


def told_by(home: Path, status: int, text: str) -> Told:
    """Return what was told; there is something of every subject whatever is broken, and the table is the document."""
    target = home / "doctor.json"
    document = json.loads(target.read_text())
    assert document["schema"] == 1
    assert document["works"] == (status == 0)
    checks = {check["name"]: check for check in document["checks"]}
    for check in checks.values():
        assert set(check) == {"name", "state", "found", "next", "blocks", "facts"}
        assert check["state"] in ("ok", "missing", "broken", "note")
        assert f"{check['state']:<8} {check['name']:<22} {check['found'].splitlines()[0]}" in text
        assert check["next"] is None or f"-> {check['next']}" in text
    assert {"python", "host", "mmdebstrap", "setpriv", "sandbox", "cache", "disk", "guests"} <= set(checks)
    assert "accelerator s390x" in checks
    assert "results" in checks
    return Told(status, checks, text)


def test_an_empty_cache_is_fetched_by_a_run_and_no_error(home: Path) -> None:
    told = doctor(home)
    assert told.status == 0, told.text
    assert told.text.splitlines()[-1] == "a run can work"
    for name in ("tool root", "kernel lts arm64", "kernel lts s390x", "kernel lts x86_64"):
        check = told.checks[name]
        assert (check["state"], check["next"]) == ("missing", "lazymmu setup")
        assert "lazymmu run fetches it" in check["found"]
    assert told.checks["accelerator s390x"]["facts"]["accelerator"] in ("tcg", "unknown")
    # It looked, and no more.
    assert [path.name for path in home.iterdir()] == ["doctor.json"]


def test_an_empty_cache_without_a_network_is_an_error(home: Path) -> None:
    told = doctor(home, "--offline")
    assert told.status == 3
    assert told.blocking() == ["tool root", *(f"kernel lts {arch}" for arch in ("arm64", "s390x", "x86_64"))]
    assert told.text.splitlines()[-1].startswith("a run cannot work: tool root, ")


def test_without_any_tool_each_is_named_with_its_package(home: Path) -> None:
    (home / "bin").mkdir()
    told = doctor_apart(home, PATH=str(home / "bin"))
    assert told.status == 3
    packages = {"mmdebstrap": "mmdebstrap", "apt-get": "apt", "dpkg-deb": "dpkg", "setpriv": "util-linux"}
    for name, package in packages.items():
        check = told.checks[name]
        assert (check["state"], check["blocks"]) == ("missing", True)
        assert check["next"].startswith(f"apt-get install {package} ")
    assert told.checks["sandbox"]["state"] == "missing"
    assert set(told.checks["sandbox"]["facts"]["failures"]) == {"bwrap", "chroot"}


@pytest.mark.skipif(os.geteuid() != 0, reason="the launcher installs for root only")
def test_what_the_launcher_installs_by_itself_does_not_block(home: Path) -> None:
    folder = home / "bin"
    folder.mkdir()
    for name in ("apt-get", "apt-cache", "dpkg-deb", "setpriv", "sh", "unshare", "chroot", "true"):
        (folder / name).symlink_to(str(shutil.which(name)))
    told = doctor_apart(home, PATH=str(folder))
    check = told.checks["mmdebstrap"]
    assert (check["state"], check["blocks"]) == ("missing", False)
    assert "./lazymmu run installs it" in check["found"]
    sandbox = told.checks["sandbox"]
    assert sandbox["facts"]["sandbox"] == "chroot", sandbox
    assert "bwrap does not work: " in sandbox["found"]
    assert doctor_apart(home, "--offline", PATH=str(folder)).checks["mmdebstrap"]["blocks"]


def test_a_cache_that_is_a_file_is_told(home: Path) -> None:
    (home / "cache").write_text("")
    told = doctor(home)
    assert told.status == 3
    assert told.checks["cache"]["found"] == f"{home / 'cache'} is not a folder"
    assert "XDG_CACHE_HOME" in told.checks["cache"]["next"]


def test_a_results_folder_that_cannot_be_made_is_told(home: Path) -> None:
    (home / "state").write_text("")
    told = doctor(home)
    assert told.status == 3
    assert told.blocking() == ["results"]
    assert told.checks["results"]["found"] == f"{home / 'state'} is not a folder"
    assert "--out DIR" in told.checks["results"]["next"]


def test_a_check_survives_its_own_failure(home: Path) -> None:
    folder = home / "state" / "lazymmu" / "runs"
    folder.mkdir(parents=True)
    # A run can write there; the doctor cannot count.
    folder.chmod(0o300)
    try:
        told = doctor_apart(home, prefix=examples.without_override())
    finally:
        folder.chmod(0o700)
    assert told.status == 0
    assert told.checks["results"]["state"] == "broken"
    assert "Permission denied" in told.checks["results"]["found"]


@pytest.mark.parametrize(("mode", "what"), [(0o000, "read"), (0o500, "written")])
def test_a_cache_that_may_not_be_used_is_told(home: Path, mode: int, what: str) -> None:
    folder = home / "cache" / "lazymmu"
    (folder / "kernels").mkdir(parents=True)
    folder.chmod(mode)
    try:
        told = doctor_apart(home, prefix=examples.without_override())
    finally:
        folder.chmod(0o700)
    assert told.status == 3
    assert told.checks["cache"]["found"] == f"{folder} may not be {what} by this user"
    assert told.checks["cache"]["blocks"]


def test_a_full_disk_is_told_with_the_need_that_a_set_up_names(home: Path) -> None:
    (home / "cache").mkdir()
    disk = small(home / "cache", "40m")
    told = doctor_apart(home, prefix=disk)
    assert told.status == 3
    check = told.checks["disk"]
    assert (check["state"], check["blocks"]) == ("broken", True)
    assert check["facts"]["free"] <= 50_000_000
    setup = subprocess.run(
        [*disk, *apart.command("setup")],
        env=apart.environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert f"about {check['facts']['needed'] // 1_000_000} MB are needed" in setup.stderr


def made(home: Path) -> Cache:
    """Return a cache with a tool root in which nothing works."""
    cache = Cache(home / "cache" / "lazymmu", Progress())
    (tool_root.path(cache) / "lazymmu" / "modules").mkdir(parents=True)
    return cache


@pytest.mark.parametrize("text", ["{", '{"arm64": {}}', "[]"])
def test_a_damaged_lock_file_is_told_with_the_way_out(home: Path, text: str) -> None:
    lock = made(home).root / "kernels" / "lts.json"
    lock.parent.mkdir()
    lock.write_text(text)
    told = doctor(home)
    assert told.status == 3
    check = told.checks["kernel lts"]
    assert (check["state"], check["blocks"]) == ("broken", True)
    assert f"{lock} is damaged" in check["found"]
    assert f"rm {lock}" in check["next"]


def test_a_locked_version_that_is_not_there_is_named(home: Path) -> None:
    lock = made(home).root / "kernels" / "lts.json"
    lock.parent.mkdir()
    lock.write_text(json.dumps({"arm64": {"release": "6.12.1-arm64", "version": "6.12.1-1", "packages": []}}))
    check = doctor(home).checks["kernel lts arm64"]
    assert check["state"] == "missing"
    assert "locked to Linux 6.12.1-arm64 (package 6.12.1-1), not in the cache" in check["found"]
    assert check["facts"] == {"release": "6.12.1-arm64", "version": "6.12.1-1"}


def test_a_boot_image_that_is_damaged_is_told(home: Path) -> None:
    cache = made(home)
    lock = cache.root / "kernels" / "lts.json"
    lock.parent.mkdir()
    lock.write_text(json.dumps({"arm64": {"release": "6.12.1-arm64", "version": "6.12.1-1", "packages": []}}))
    image = tool_root.path(cache) / "lazymmu" / "kernels" / "6.12.1-arm64_6.12.1-1.vmlinuz"
    image.parent.mkdir()
    image.write_bytes(b"x" * 100)
    cache.record(image, "kernel")
    image.write_bytes(b"x" * 99 + b"y")
    check = doctor(home).checks["kernel lts arm64"]
    assert (check["state"], check["blocks"]) == ("broken", True)
    assert f"{image} is damaged: " in check["found"]


def test_an_entry_that_is_damaged_would_be_made_anew(home: Path) -> None:
    cache = made(home)
    target = cache.root / "kvm" / "aa"
    target.parent.mkdir()
    target.write_text("null")
    cache.record(target, "trial")
    looking = Question(cache, kernel("lts"), offline=True).looking()
    assert looking.obtain(target, "trial", lambda _: None) == target
    target.write_text("nuLl")
    with pytest.raises(NotThere):
        looking.obtain(target, "trial", lambda _: None)


def test_a_tool_root_whose_programs_do_not_start_is_told(home: Path) -> None:
    made(home)
    told = doctor(home)
    assert told.status == 3
    # A sandbox needs a program in the root, too.
    assert "sandbox" in told.blocking()


def test_leftovers_damage_and_what_nothing_refers_to_are_told_with_the_command(home: Path) -> None:
    cache = made(home)
    root = tool_root.path(cache)
    left = cache.root / "roots" / "0123.abcd.partial"
    left.mkdir()
    (root / "lazymmu" / "modules" / "bb.ko").write_bytes(b"\x7fELF")
    (cache.root / "roots" / "4567").mkdir()
    (root / "lazymmu" / "archives").symlink_to(home)
    for number in range(21):
        run = home / "state" / "lazymmu" / "runs" / f"20260101-0000{number:02}.000-1"
        run.mkdir(parents=True)
        (run / "run.json").write_text("{}")
    checks = doctor(home).checks
    for name, found in {
        "leftovers": str(left),
        "damaged": f"{root / 'lazymmu' / 'modules' / 'bb.ko'} is not an ELF file",
        "unneeded": str(cache.root / "roots" / "4567"),
        "results": "21 runs of 0.0 kB; limit 20 runs",
    }.items():
        assert found in checks[name]["found"]
        assert (checks[name]["next"], checks[name]["blocks"]) == ("lazymmu clean", False)
    assert str(root / "lazymmu" / "archives") in checks["unseen"]["found"]
    limit = {"entries": 60, "bytes": None, "days": 30}
    assert checks["size modules"]["facts"] == {"entries": 1, "bytes": 4, "limit": limit}


def test_json_on_standard_output_is_alone_there(home: Path) -> None:
    done = subprocess.run(
        apart.command("doctor", "--json", "-"),
        env=apart.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert json.loads(done.stdout)["schema"] == 1
    assert "a run can work" in done.stderr


class Unboxed(Sandbox, frozen=True):
    """Runs a root's programs as they are, for a root whose programs are scripts: an old QEMU cannot be had here."""

    def command(self, argv: Sequence[str], *, writable: bool = False, also: Path | None = None) -> list[str]:
        return [f"{self.root}{argv[0]}", *argv[1:]] if not writable else []


@pytest.mark.parametrize(
    ("script", "state", "found"),
    [
        ("echo 'QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-2)'", State.OK, "10.0.2"),
        ("echo 'QEMU emulator version 7.2.19 (Debian 1:7.2)'", State.BROKEN, "7.2.19, 10 or newer is needed"),
        ("echo 'QEMU emulator version 10.0.2'; exit 1", State.BROKEN, "does not start in the tool root"),
        ("echo no library >&2; exit 127", State.BROKEN, "does not start in the tool root: no library"),
        ("echo hello", State.BROKEN, "does not start in the tool root: hello"),
    ],
)
def test_a_qemu_must_start_and_be_new_enough(home: Path, script: str, state: State, found: str) -> None:
    programs = home / "usr" / "bin"
    programs.mkdir(parents=True)
    for name in (
        "qemu-system-aarch64",
        "qemu-system-s390x",
        "gcc",
        "aarch64-linux-gnu-gcc",
        "s390x-linux-gnu-gcc",
        "make",
    ):
        (programs / name).write_text("#!/bin/sh\necho 'version 14.2'\n")
    (programs / "qemu-system-x86_64").write_text(f"#!/bin/sh\n{script}\n")
    for path in programs.iterdir():
        path.chmod(0o755)
    question = Question(Cache(home, Progress()), kernel("lts"), offline=False)
    situation = Situation(root=home, root_there=True)
    checks = {check.name: check for check in guests.tool_root(question, situation, Unboxed("bwrap", home))}
    qemu = checks.pop("qemu-system-x86_64")
    assert (qemu.state, qemu.blocks) == (state, state is State.BROKEN)
    assert qemu.found.startswith(found)
    assert all(check.state is State.OK for check in checks.values())
