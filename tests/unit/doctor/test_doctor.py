# SPDX-License-Identifier: GPL-2.0-only
"""The doctor names what is missing or broken with the next command, and changes nothing."""

import io
import json
import shutil
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from lazymmu.cli import main
from lazymmu.doctor import images
from lazymmu.doctor.cache_state import CacheState
from lazymmu.doctor.check import State
from lazymmu.provision import checksum, tool_root
from lazymmu.provision.cache import Cache
from lazymmu.provision.catalogue import kernel
from lazymmu.provision.progress import Progress
from lazymmu.provision.sandbox import Sandbox

from tests.unit.doctor.outcome import Outcome, outcome

pytestmark = pytest.mark.skipif(shutil.which("mmdebstrap") is None, reason="this host could not fetch")


def doctor(home: Path, *flags: str) -> Outcome:
    output = io.StringIO()
    with redirect_stdout(output):
        status = main(["doctor", "--json", str(home / "doctor.json"), *flags])
    return outcome(home / "doctor.json", status, output.getvalue())


def test_an_empty_cache_does_not_prevent_a_run(home: Path) -> None:
    done = doctor(home)
    assert done.status == 0, done.text
    for name in ("tool root", "kernel lts arm64", "kernel lts s390x", "kernel lts x86_64"):
        check = done.checks[name]
        assert (check["state"], check["next"]) == ("missing", "lazymmu setup")
        assert "lazymmu run fetches it" in check["found"]
    assert done.checks["accelerator s390x"]["facts"]["accelerator"] in ("tcg", "unknown")
    assert [path.name for path in home.iterdir()] == ["doctor.json"]


def test_an_empty_cache_prevents_a_run_without_a_network(home: Path) -> None:
    done = doctor(home, "--offline")
    assert done.status == 3
    assert done.blocking() == ["tool root", *(f"kernel lts {arch}" for arch in ("arm64", "s390x", "x86_64"))]
    assert done.text.splitlines()[-1].startswith("a run cannot work: tool root, ")


@pytest.mark.parametrize(
    ("folder", "check", "remedy"), [("cache", "cache", "XDG_CACHE_HOME"), ("state", "results", "--out DIR")]
)
def test_a_folder_that_is_a_file_is_broken(home: Path, folder: str, check: str, remedy: str) -> None:
    (home / folder).write_text("")
    done = doctor(home)
    assert done.status == 3
    assert done.checks[check]["found"] == f"{home / folder} is not a folder"
    assert remedy in done.checks[check]["next"]


def cache_of(home: Path) -> Cache:
    """Return a cache with a tool root in which no program starts."""
    cache = Cache(home / "cache" / "lazymmu", Progress())
    (tool_root.path(cache) / "lazymmu" / "modules").mkdir(parents=True)
    return cache


def lock(cache: Cache, text: str) -> Path:
    """Write the lock file of the kernel."""
    path = cache.root / "kernels" / "lts.json"
    path.parent.mkdir()
    path.write_text(text)
    return path


LOCKED = json.dumps({"arm64": {"release": "6.12.1-arm64", "version": "6.12.1-1", "packages": []}})


@pytest.mark.parametrize("text", ["{", '{"arm64": {}}', "[]"])
def test_a_damaged_lock_file_is_broken(home: Path, text: str) -> None:
    path = lock(cache_of(home), text)
    done = doctor(home)
    assert done.status == 3
    check = done.checks["kernel lts"]
    assert (check["state"], check["blocks"]) == ("broken", True)
    assert f"{path} is damaged" in check["found"]
    assert f"rm {path}" in check["next"]


def test_a_locked_kernel_that_is_not_in_the_cache_is_missing(home: Path) -> None:
    lock(cache_of(home), LOCKED)
    check = doctor(home).checks["kernel lts arm64"]
    assert check["state"] == "missing"
    assert "locked to Linux 6.12.1-arm64 (package 6.12.1-1), not in the cache" in check["found"]
    assert check["facts"] == {"release": "6.12.1-arm64", "version": "6.12.1-1"}


def test_a_damaged_boot_image_is_broken(home: Path) -> None:
    cache = cache_of(home)
    lock(cache, LOCKED)
    image = tool_root.path(cache) / "lazymmu" / "kernels" / "6.12.1-arm64_6.12.1-1.vmlinuz"
    image.parent.mkdir()
    image.write_bytes(b"x" * 100)
    checksum.write(image, checksum.beside(image))
    image.write_bytes(b"x" * 99 + b"y")
    check = doctor(home).checks["kernel lts arm64"]
    assert (check["state"], check["blocks"]) == ("broken", True)
    assert f"{image} is damaged: " in check["found"]


def test_leftovers_and_what_is_damaged_or_unneeded_are_named_with_the_command(home: Path) -> None:
    cache = cache_of(home)
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
    done = doctor(home)
    # No program starts in this tool root.
    assert "sandbox" in done.blocking()
    for name, found in {
        "leftovers": str(left),
        "damaged": f"{root / 'lazymmu' / 'modules' / 'bb.ko'} has no SHA-256 beside it",
        "unneeded": str(cache.root / "roots" / "4567"),
        "results": "21 runs, 0.0 kB; limit 20 runs",
    }.items():
        assert found in done.checks[name]["found"]
        assert (done.checks[name]["next"], done.checks[name]["blocks"]) == ("lazymmu clean", False)
    assert str(root / "lazymmu" / "archives") in done.checks["unseen"]["found"]
    limit = {"entries": 60, "bytes": None, "days": 30}
    assert done.checks["size modules"]["facts"] == {"entries": 1, "bytes": 4, "limit": limit}


class NoSandbox(Sandbox, frozen=True):
    """Runs the scripts of a root without a sandbox."""

    def command(self, argv: Sequence[str], *, writable: bool = False, also: Path | None = None) -> list[str]:
        return [f"{self.root}{argv[0]}", *argv[1:]] if not writable else []


@pytest.mark.parametrize(
    ("script", "state", "found"),
    [
        ("echo 'QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-2)'", State.OK, "10.0.2"),
        ("echo 'QEMU emulator version 10.0.2'; exit 1", State.BROKEN, "does not start in the tool root"),
        ("echo no library >&2; exit 127", State.BROKEN, "does not start in the tool root: no library"),
        ("echo hello", State.BROKEN, "does not start in the tool root: hello"),
    ],
)
def test_a_program_of_the_tool_root_must_start(home: Path, script: str, state: State, found: str) -> None:
    programs = home / "usr" / "bin"
    programs.mkdir(parents=True)
    compilers = ("gcc", "aarch64-linux-gnu-gcc", "s390x-linux-gnu-gcc", "make")
    scripts = dict.fromkeys(("qemu-system-aarch64", "qemu-system-s390x", *compilers), "echo 'version 14.2'")
    for name, text in {**scripts, "qemu-system-x86_64": script}.items():
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)
    cache = CacheState(Cache(home, Progress()), kernel("lts"), offline=False, root=home, root_present=True)
    checks = {check.name: check for check in images.tool_root(cache, NoSandbox("bwrap", home))}
    qemu = checks.pop("qemu-system-x86_64")
    assert (qemu.state, qemu.blocks) == (state, state is State.BROKEN)
    assert qemu.found.startswith(found)
    assert all(check.state is State.OK for check in checks.values())
