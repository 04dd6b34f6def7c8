# SPDX-License-Identifier: GPL-2.0-only
"""The doctor names what is missing or broken with the next command, and changes nothing."""

import io
import shutil
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from lazymmu.architecture import default_names
from lazymmu.cli import main
from lazymmu.doctor import host, images
from lazymmu.doctor.check import State
from lazymmu.doctor.images import CacheState
from lazymmu.provision import catalogue, kernels
from lazymmu.provision.cache import Cache
from lazymmu.provision.kernels import Resolution
from lazymmu.provision.sandbox import Sandbox

from tests.integration import caches
from tests.integration.caches import ARCH, LTS, file, files, kernel_of, leftovers, root_of
from tests.integration.doctor_outcome import Outcome, outcome

cache = caches.cache
ARCHES = ("arm64", "s390x", "x86_64")


def doctor(home: Path, *flags: str) -> Outcome:
    output = io.StringIO()
    with redirect_stdout(output):
        status = main(["doctor", "--json", str(home / "doctor.json"), *flags])
    return outcome(home / "doctor.json", status, output.getvalue(), deep="--deep" in flags)


def test_an_empty_cache_prevents_only_a_run_without_a_network(home: Path) -> None:
    done = doctor(home)
    assert done.status == 0, done.text
    for arch in ARCHES:
        check = done.checks[f"kernel lts {arch}"]
        assert (check["state"], check["next"]) == ("missing", "lazymmu setup")
        assert check["found"].startswith("Linux 6.")
        assert check["found"].endswith("is not in the cache; lazymmu run fetches it")
        assert done.checks[f"accelerator {arch}"]["facts"]["accelerator"] in ("tcg", "unknown")
    assert done.checks["disk"]["facts"]["needed"] > 500_000_000
    assert [path.name for path in home.iterdir()] == ["doctor.json"]
    done = doctor(home, "--offline")
    assert (done.status, done.blocking()) == (3, [f"kernel lts {arch}" for arch in ARCHES])
    assert done.text.splitlines()[-1] == f"a run cannot work: {', '.join(done.blocking())}"


def test_a_damaged_lock_is_broken(cache: Cache, home: Path) -> None:
    path = caches.users_lock(cache)
    path.write_text("{")
    done = doctor(home)
    assert (done.status, done.blocking()) == (3, ["kernel lts"])
    assert f"{path} is damaged" in done.checks["kernel lts"]["found"]


def test_a_refused_kernel_blocks_only_if_nothing_is_left(cache: Cache, home: Path) -> None:
    newest = catalogue.kernel("next")
    arches = [arch for arch in ARCHES if arch in newest.flavours]
    for arch in arches:
        kernels.remember(cache, newest, {arch: Resolution(kernels.now(), reason="out of step")})
        checks = doctor(home, "--kernel", "next", "--kernel", "lts").checks
        check, blocks = checks[f"kernel next {arch}"], arch == arches[-1]
        assert (check["state"], check["blocks"]) == ("missing" if blocks else "note", blocks)
        assert check["found"].startswith(f"kernel next does not resolve for {arch}: out of step")
        assert check["next"] == "lazymmu setup --kernel next"
        assert f"accelerator {arch} next" not in checks
        assert checks["kernel lts arm64"]["state"] == "ok"


def test_what_is_there_has_one_line_for_each_area_and_all_checks_with_deep(cache: Cache, home: Path) -> None:
    before, release = files(cache.root), kernel_of(cache).release.release
    done = doctor(home)
    lines = [line.split() for line in done.text.splitlines()[:-1] if not line.startswith(" ")]
    areas = ["host", "sandbox", "cache", ARCH, "s390x", "x86_64", "results", "clean"]
    assert [words[1] for words in lines if words[1] != "kernel"] == areas
    assert f"note     arm64                  Linux {release}; tools; archive not built yet; module not" in done.text
    assert "; ; " not in done.text
    assert done.checks["kernel lts arm64"]["facts"]["release"] == release
    assert done.checks["SSH server arm64"]["next"] == "lazymmu setup --transport ssh"
    assert files(cache.root) == before
    assert set(done.checks) <= set(doctor(home, "--deep").checks)


def test_what_is_damaged_is_found_with_deep(cache: Cache, home: Path) -> None:
    image = kernel_of(cache).image
    image.write_bytes(image.read_bytes()[1:] + b"y")
    states = {name: check["state"] for name, check in doctor(home).checks.items()}
    assert states["kernel lts arm64"] == states["removable"] == "ok"
    done = doctor(home, "--deep")
    assert "kernel lts arm64" in done.blocking()
    for name in ("kernel lts arm64", "damaged"):
        assert f"{image} is damaged: " in done.checks[name]["found"]
    shutil.rmtree(root_of(cache) / "usr" / "src")
    check = doctor(home).checks["kernel lts arm64"]
    assert check["blocks"]
    assert f"{root_of(cache)}/usr/src/" in check["found"]


def test_what_clean_would_remove_is_named_with_the_command(cache: Cache, home: Path) -> None:
    left = leftovers(cache)
    archives = root_of(cache) / "lazymmu" / "archives"
    shutil.rmtree(archives)
    archives.symlink_to(home)
    for number in range(21):
        file(home / "state" / "lazymmu" / "runs" / f"20260101-0000{number:02}.000-1" / "run.json", b"")
    done = doctor(home)
    # No program starts in this tool root.
    assert "sandbox" in done.blocking()
    assert "21 runs, 0.0 kB; limit 20 runs" in done.checks["results"]["found"]
    assert any(f"{path} (left by a process that was killed)" in done.checks["removable"]["found"] for path in left)
    assert {done.checks[name]["next"] for name in ("removable", "results")} == {"lazymmu clean"}
    assert done.checks["removable"]["facts"] == {"entries": 6, "bytes": 6000}
    assert "lazymmu clean would remove 6.0 kB" in done.text
    assert str(archives) in done.checks["unseen"]["found"]
    limit = {"entries": 60, "bytes": None, "days": 30}
    assert done.checks["size modules"]["facts"] == {"entries": 1, "bytes": 1143, "limit": limit}


class NoSandbox(Sandbox, frozen=True):
    """Runs the scripts of a root without a sandbox."""

    def command(self, argv: Sequence[str], *, writable: bool = False, **_: object) -> list[str]:
        return [f"{self.root}{argv[0]}", *argv[1:]] if not writable else []


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ("echo 'QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-2)'", ", qemu-system-aarch64 10.0.2, "),
        ("echo 'QEMU emulator version 10.0.2'; echo no library >&2; exit 127", "does not start: no library"),
        ("echo hello", "does not start: hello"),
        ("", "is missing"),
    ],
)
def test_a_program_of_the_tool_root_must_start(cache: Cache, script: str, found: str) -> None:
    root, qemu = root_of(cache), "qemu-system-aarch64"
    for program in (root / "usr" / "bin").iterdir():
        program.write_text(f"#!/bin/sh\n{script if program.name == qemu else 'echo version 14.2'}\n")
        program.chmod(0o755)
    if not script:
        (root / "usr" / "bin" / qemu).unlink()
    state = CacheState(cache, LTS, offline=False, deep=bool(script), named=default_names())
    state.read()
    checks = {check.name: check for check in images.machine(state, NoSandbox("bwrap", root), ARCH)}
    check = checks["tool root arm64"]
    assert (check.state, check.blocks) == ((State.OK, False) if "10.0.2, " in found else (State.BROKEN, True))
    assert found in check.found


def test_one_command_installs_all_that_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    checks = {check.name: check for check in host.host()}
    commands = [f"{install} util-linux bubblewrap" for install in ("apt-get install", "dnf install", "pacman -S")]
    assert all(command in (checks["setpriv"].next or "") for command in commands)
    assert checks["setpriv"].blocks
    assert (checks["apt-get"].state, checks["apt-get"].blocks) == (State.NOTE, False)
    file(tmp_path / "setpriv").chmod(0o755)
    assert "apt-get install bubblewrap," in (host.sandbox(Path("/"))[1].next or "")
