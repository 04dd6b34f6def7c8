# SPDX-License-Identifier: GPL-2.0-only
"""Set-up from the lock: a tool root with a kernel, made by processes that run together, are killed or lack space."""

import random
import re
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Event

import pytest
from lazymmu.cli import main
from lazymmu.guests.shell_archive import busybox
from lazymmu.provision import export, parts
from lazymmu.provision.cache import remove
from lazymmu.provision.keys import default_root
from lazymmu.provision.lock import Package, Part
from lazymmu.provision.parts import Request
from lazymmu.provision.setup import Images
from lazymmu.support.errors import SetupError

from tests.disks import small
from tests.integration.provision.archive import (
    ARCH,
    DAY,
    HOST_TOOLS,
    Mirror,
    debian,
    every,
    images,
    serving,
    write_lock,
)
from tests.unit import apart

WRONG = {
    "digest": ({"sha256": "0" * 64}, "{} could not be fetched: {}: its file has not the SHA-256 000"),
    "size": ({"size": 7}, "{} could not be fetched: {}: its file has 1"),
    "path": ({"path": "pool/../../etc/passwd.deb"}, "/host/tools.json: base-files: 'pool/../../etc/passwd.deb' is out"),
}
Locked = dict[Request, Part]


@pytest.fixture
def locked(mirror: Mirror) -> Locked:
    """Let the user's lock name what a mirror has."""
    found = debian(mirror)
    write_lock(mirror, found)
    return found


def complete(mirror: Mirror, found: Locked) -> Images:
    """Set up without network; everything must be there, and nothing else."""
    made = images(mirror, offline=True)
    for package in every(found):
        for name, content in mirror.contents[package].items():
            file = made.kernels[ARCH].image if name.startswith("boot/") else made.sandboxes[ARCH].root / name
            assert file.read_bytes() == content
    assert mirror.unpacked(every(found)) == every(found)
    for pattern in ("downloads/*", "*/*.partial", "roots/*/lazymmu/*.partial"):
        assert not [*mirror.cache.root.glob(pattern)]
    return made


def started(prefix: Iterable[str] = ()) -> subprocess.Popen[str]:
    """Start the command, which fails when it comes to the compilers of this mirror."""
    command = [*prefix, *apart.command("setup", "--arch", ARCH)]
    return subprocess.Popen(command, env=apart.environment(), stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("links", [2, 1])
def test_the_lock_becomes_a_tool_root_of_links_or_copies_and_is_fetched_once(
    links: int, mirror: Mirror, locked: Locked
) -> None:
    with pytest.raises(SetupError, match="kernel lts for arm64 are not in the cache, and --offline forbids"):
        images(mirror, offline=True)
    with tempfile.TemporaryDirectory(dir="/dev/shm") as other:
        if links == 1:
            if Path(other).stat().st_dev == mirror.cache.root.stat().st_dev:
                pytest.skip("there is no other file system here")
            (mirror.cache.root / "packages").symlink_to(other)
        images(mirror)
        assert mirror.asked() == sorted((package.path, 0) for package in every(locked))
        made = complete(mirror, locked)
        assert (made.kernels[ARCH].release.version, made.qemu[ARCH]) == ("1", "1")
        assert (made.sandboxes[ARCH].root / "usr/lib/gawk/file").stat().st_nlink == links
        assert images(mirror).kernels == made.kernels and mirror.requests == []


@pytest.mark.parametrize(("edit", "text"), WRONG.values(), ids=WRONG)
def test_a_wrong_lock_is_refused_by_name(
    edit: dict[str, str], text: str, mirror: Mirror, locked: Locked, capsys: pytest.CaptureFixture[str]
) -> None:
    first, *others = locked[HOST_TOOLS].packages
    wrong = Package(**{**first._asdict(), **edit})
    write_lock(mirror, {HOST_TOOLS: locked[HOST_TOOLS]._replace(packages=(wrong, *others))})
    assert main(["setup", "--arch", ARCH]) == 3
    assert text.format(f"lazymmu: {first}", mirror.place) in capsys.readouterr().err


@pytest.mark.parametrize(("folder", "packed"), [("downloads", False), ("packages", True), ("roots", True)])
def test_a_disk_that_fills_up_is_one_error_and_later_the_rest_is_fetched(
    folder: str, packed: bool, mirror: Mirror, locked: Locked
) -> None:
    big = mirror.add("big", {"usr/zeros": bytes(3_000_000)}, packed=packed)
    locked[HOST_TOOLS] = locked[HOST_TOOLS]._replace(packages=(*locked[HOST_TOOLS].packages, big))
    write_lock(mirror, locked)
    (mirror.cache.root / folder).mkdir()
    with started(small(mirror.cache.root / folder, "1m")) as process:
        said = process.communicate()[1]
    assert process.returncode == 3
    assert re.search(
        rf"\nlazymmu: no space left in {mirror.cache.root}.*\n.*lazymmu clean.* another folder for it", said
    )
    images(mirror)
    complete(mirror, locked)


def test_two_set_ups_at_once_fetch_each_package_once(mirror: Mirror, locked: Locked) -> None:
    both = Event()
    mirror.sent = lambda _: both.wait(60)
    with started() as one, started() as other:
        for process in (one, other):
            assert process.stderr and "fetching" in process.stderr.readline()
        both.set()
        said = [process.communicate()[1] for process in (one, other)]
    assert mirror.asked() == sorted((package.path, 0) for package in every(locked)), said
    complete(mirror, locked)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_after_a_signal_at_any_moment_only_the_rest_is_fetched(
    number: signal.Signals, mirror: Mirror, everyday_or_all: Callable[[int, int], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(everyday_or_all(2, 30)):
        found, reached = debian(mirror, version=str(random.random()), size=200_000), Event()  # noqa: S311
        write_lock(mirror, found)
        left = [random.randrange(sum(package.size for package in every(found)))]  # noqa: S311

        def count(size: int, left: list[int] = left, reached: Event = reached) -> None:
            left[0] -= size
            if left[0] < 0:
                reached.set()

        with serving() as first:
            first.files, first.sent = mirror.files, count
            monkeypatch.setenv("LAZYMMU_MIRROR", first.address)
            with started(["env", "--default-signal=INT"]) as process:
                assert reached.wait(60)
                first.ended.wait(random.random() / 4)  # noqa: S311
                process.send_signal(number)
                said = process.communicate()[1]
        # It may have come to the compilers, or to the end of Python.
        assert process.returncode in (-number, 3, *([130] if number == signal.SIGINT else [])), said
        monkeypatch.setenv("LAZYMMU_MIRROR", mirror.address)
        unpacked = mirror.unpacked(every(found))
        files = {one: mirror.download(one) for one in every(found) if one not in unpacked}
        have = {one: file.stat().st_size if file.exists() else 0 for one, file in files.items()}
        images(mirror)
        assert mirror.asked() == sorted((one.path, begin) for one, begin in have.items() if begin < one.size)
        complete(mirror, found)


def test_an_export_holds_the_packages_and_the_users_lock_and_is_refused_if_it_is_cut_off(
    mirror: Mirror, locked: Locked, tmp_path: Path
) -> None:
    images(mirror)
    whole, short = tmp_path / "whole", tmp_path / "short"
    export.write(mirror.cache, every(locked), whole)
    short.write_bytes(whole.read_bytes()[:-9])
    remove(mirror.cache.root)
    with pytest.raises(SetupError, match=r"short is (not a whole export|damaged)"):
        export.read(mirror.cache, short)
    assert [export.read(mirror.cache, whole) for _ in range(2)] == [len(every(locked)), 0]
    complete(mirror, locked)


def test_the_shell_for_guests_is_fetched_once(mirror: Mirror) -> None:
    wanted, cache = parts.shell(ARCH), mirror.cache
    shell = mirror.add("busybox-static", {"usr/bin/busybox": b"a program"}, architecture=ARCH)
    write_lock(mirror, {wanted: Part(wanted.suite, DAY, wanted.names, (shell,))})
    with pytest.raises(SetupError, match=r"the shell for guests \(arm64\) is not in the cache, and --offline forbids"):
        busybox(cache, [ARCH], offline=True)
    for offline in (False, True):
        assert busybox(cache, [ARCH], offline=offline)[ARCH].read_bytes() == b"a program"
    assert mirror.requests == [(shell.path, 0)]


def test_the_cache_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    for named, found in {"here": Path.cwd() / "here", "/y": Path("/y"), "": Path("/x/lazymmu")}.items():
        monkeypatch.setenv("LAZYMMU_CACHE", named)
        assert default_root() == found
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_root() == Path.home() / ".cache/lazymmu"
