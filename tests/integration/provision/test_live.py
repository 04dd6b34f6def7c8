# SPDX-License-Identifier: GPL-2.0-only
"""Versions are taken live, by the real apt from a small signed archive, and go into the user's own lock."""

import hashlib
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from lazymmu.cli import main
from lazymmu.provision import catalogue, debug_info, kernels, live, lock, parts, setup
from lazymmu.provision.apt import Programs
from lazymmu.provision.cache import Cache
from lazymmu.provision.cache_contents import CacheContents
from lazymmu.provision.kernels import Resolution, now
from lazymmu.provision.keys import default_root
from lazymmu.provision.lock import Package, Part
from lazymmu.provision.progress import Progress
from lazymmu.support.errors import SetupError, UsageError

from tests.integration.provision.archive import (
    ARCH,
    HOST,
    LTS,
    RELEASE,
    TOOLS,
    Mirror,
    deb,
    debian,
    every,
    images,
    member,
    write_lock,
)

NEXT = catalogue.kernel("next")
#: The package that names the newest kernel, and what others depend on.
META = Package("linux-headers-cloud-arm64", "1", ARCH, 1, "0" * 64, "pool/none.deb")
DEPENDS = {
    META.name: f"linux-headers-{RELEASE} (= 1)",
    f"linux-headers-{RELEASE}": "linux-headers-6.12.9-common, linux-kbuild-6.12.9",
    "qemu-system-arm": "make | make-guile, kmod (>= 0)",
}


class Archive:
    """Signed lists of a mirror's packages, of which the user's lock names version 1."""

    def __init__(self, mirror: Mirror, folder: Path) -> None:
        self.mirror, self.folder = mirror, folder
        self.old, self.new = debian(mirror), debian(mirror, version="2")
        write_lock(mirror, self.old)

    def key(self, name: str) -> Path:
        """Return the folder of a key, which has its public half in `keyring.gpg`."""
        folder = self.folder / name
        folder.mkdir(mode=0o700)
        self._gpg(folder, "--passphrase", "", "--quick-gen-key", "test", "ed25519", "sign", "never")
        self._gpg(folder, "--output", str(folder / "keyring.gpg"), "--export")
        return folder

    def _gpg(self, key: Path, *words: str) -> None:
        subprocess.run(["gpg", "--homedir", key, "--batch", "--yes", *words], check=True, capture_output=True)

    def publish(self, some: Iterable[Package], suite: str = "trixie", key: str = "key") -> None:
        """Let a suite have these packages."""
        lists = {HOST: "", ARCH: ""}
        for one in (*some, META):
            for arch in lists if one.architecture == "all" else (one.architecture,):
                lists[arch] += (
                    f"Package: {one.name}\nVersion: {one.version}\nArchitecture: {one.architecture}\n"
                    f"Depends: {DEPENDS.get(one.name, 'gawk')}\nMulti-Arch: foreign\n"
                    f"Filename: {one.path}\nSize: {one.size}\nSHA256: {one.sha256}\n\n"
                )
        text = f"Suite: {suite}\nArchitectures: {' '.join(lists)}\nDate: Sat, 21 Nov 2026 09:15:44 +0000\nSHA256:\n"
        for arch, stanzas in lists.items():
            name, data = f"main/binary-{arch}/Packages", stanzas.encode()
            self.mirror.files[f"dists/{suite}/{name}"] = data
            text += f" {hashlib.sha256(data).hexdigest()} {len(data)} {name}\n"
        plain, signed = self.folder / "Release", self.folder / "InRelease"
        plain.write_text(text)
        self._gpg(self.folder / key, "--output", str(signed), "--clearsign", str(plain))
        self.mirror.files[f"dists/{suite}/InRelease"] = signed.read_bytes()

    def users(self) -> dict[str, str]:
        """Return the version of each package in the user's own lock."""
        found = [lock.read(path) for path in lock.users(self.mirror.cache.root).glob("*/*/*.json")]
        return {package.name: package.version for part in found for package in part.packages}


@pytest.fixture
def archive(mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    """An archive whose key apt trusts, and another key."""
    if not (shutil.which("gpg") and shutil.which("apt-get")):
        pytest.skip("gpg or apt is not installed here")
    archive = Archive(mirror, tmp_path)
    keys = archive.key("key"), archive.key("other")
    programs = Programs(list, str, mirror.cache.root / "lock" / "resolution", str(keys[0] / "keyring.gpg"))
    monkeypatch.setattr(live, "_of_host", lambda _: programs)
    yield archive
    for key in keys:
        subprocess.run(["gpgconf", "--homedir", key, "--kill", "all"], check=True)


def test_if_a_pinned_file_is_gone_what_debian_signed_is_taken_and_kept_until_a_reset(
    mirror: Mirror, archive: Archive, capsys: pytest.CaptureFixture[str]
) -> None:
    gone, before = archive.old[TOOLS].packages[0], archive.users()
    del mirror.files[gone.path]
    archive.publish(every(archive.new), key="other")
    with pytest.raises(SetupError) as raised:
        images(mirror)
    (line,) = raised.value.message.splitlines()
    missing = f"{gone} could not be fetched: {mirror.place}: 404 Not Found"
    assert f"{missing}; and of today's: host tools: " in line and "trixie InRelease' is not signed." in line
    assert archive.users() == before
    archive.publish(every(archive.new))
    made = images(mirror)
    assert f"lazymmu: {missing}; asking Debian what it has now\n" in capsys.readouterr().err
    assert archive.users() == dict.fromkeys(before, "2")
    (content,) = mirror.contents[archive.new[LTS].packages[0]].values()
    assert made.qemu[ARCH] == "2" and made.kernels[ARCH].image.read_bytes() == content
    assert images(mirror, offline=True).sandboxes == made.sandboxes
    assert live.reset(mirror.cache) and not live.reset(mirror.cache)
    assert lock.part(mirror.cache.root, HOST, ARCH, "lts") == lock.read(lock.path(lock.PROJECT, HOST, ARCH, "lts"))


def test_an_update_takes_what_debian_has_and_a_refusal_leaves_what_was_locked(
    mirror: Mirror, archive: Archive, capsys: pytest.CaptureFixture[str]
) -> None:
    archive.publish(one for one in every(archive.new) if not one.name.startswith("linux-kbuild"))
    made = images(mirror, update=True)
    assert (made.qemu[ARCH], made.kernels[ARCH].release.version, made.refused) == ("2", "1", {})
    said = "arm64 lts: the locked versions stay: trixie has no package linux-kbuild-6.12.9:"
    assert said in capsys.readouterr().err


def test_a_refusal_counts_for_a_day_and_without_network_for_ever(mirror: Mirror, archive: Archive) -> None:
    def asks(*, age: float = 0, **how: bool) -> bool:
        """Return whether a set-up asks apt if the last refusal has that age in days."""
        for arch, said in kernels.resolutions(mirror.cache, NEXT).items():
            earlier = Resolution(now() - timedelta(days=age), reason=said.reason)
            kernels.remember(mirror.cache, NEXT, {arch: earlier})
        assert "experimental Release' does not have a Release file" in images(mirror, NEXT, **how).refused[ARCH]
        return any(path.startswith("dists/") for path, _ in mirror.asked())

    assert asks() and not asks() and not asks(age=0.9) and not asks(age=2, offline=True)
    assert asks(again=True) and asks(age=1.1)
    assert asks(age=-1), "apt was not asked in the future"
    with pytest.raises(SetupError, match=r"kernel next does not resolve for arm64: .* Release file"):
        setup.prepare(mirror.cache, NEXT, [ARCH])
    archive.publish(archive.old[LTS].packages, "experimental")
    assert images(mirror, NEXT, again=True).kernels[ARCH].image.exists()


def test_the_command_shows_locked_and_newest_versions_and_asks_only_with_update(
    mirror: Mirror, archive: Archive, capsys: pytest.CaptureFixture[str]
) -> None:
    archive.publish(every(archive.new))
    texts, before = [], archive.users()
    for flags in ([], ["--update"], []):
        assert main(["kernels", *flags]) == 0
        texts.append(capsys.readouterr().out)
        assert bool(mirror.asked()) == bool(flags)
    assert texts[1] == texts[2]
    assert "arm64   Linux 6.12.9-cloud-arm64 (1), locked, not in the cache\n" in texts[0]
    assert "arm64   not asked yet: lazymmu kernels --update\n" in texts[0]
    assert "apt has 2 now: lazymmu setup --kernel lts --update\n" in texts[1]
    assert "s390x   does not resolve: " in texts[1]
    assert archive.users() == before, "nothing newer is locked"


def test_debug_information_is_that_of_just_the_kernels_version_and_stays(
    mirror: Mirror, archive: Archive, capsys: pytest.CaptureFixture[str]
) -> None:
    name, file = f"linux-image-{RELEASE}-dbg", f"usr/lib/debug/boot/vmlinux-{RELEASE}"
    more = {"usr/lib/debug/lib/modules/x/kernel/x.ko": b"no"}
    link = member("usr/lib/debug/lib/modules/x/vmlinux", "/" + file)
    packed = {version: deb({file: f"types {version}".encode(), **more}, [link]) for version in ("1", "2")}
    others = [mirror.offer(name, data, version, ARCH) for version, data in packed.items()]

    def obtain(version: str, **how: bool) -> Path:
        return debug_info.obtain(mirror.cache, "lts", ARCH, RELEASE, version, **{"offline": False, **how})

    archive.publish(others[1:])
    with pytest.raises(SetupError, match=rf"lts-debug-info: trixie has no package {name}:{ARCH}=1") as raised:
        obtain("1")
    assert "lazymmu setup --update --kernel lts --arch arm64" in str(raised.value.hint)
    archive.publish(others)
    with pytest.raises(SetupError, match="is not in the cache, and --offline forbids fetching it"):
        obtain("1", offline=True)
    found = obtain("1")
    assert f"fetching {len(packed['1']) // 1_000_000} MB for arm64 lts-debug-info" in capsys.readouterr().err
    assert (found.name, found.read_bytes()) == (f"vmlinux-{RELEASE}", b"types 1")
    assert not [*mirror.folder(others[0]).rglob("*.ko")]
    mirror.asked()
    assert (obtain("1", offline=True), mirror.asked()) == (found, [])
    unneeded = {removal.path for removal in CacheContents.read(mirror.cache).unneeded()}
    assert mirror.folder(others[0]) not in unneeded
    with pytest.raises(UsageError, match="--debug-info is for Debian's kernels"):
        debug_info.obtain(mirror.cache, "./mine", ARCH, "7.3.0", "key", offline=False)


@pytest.mark.exhaustive
def test_apt_of_a_tool_root_resolves_from_the_hosts_mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_of_host", lambda _: None)
    cache, wanted = Cache(tmp_path / "cache", Progress()), parts.shell(ARCH)
    found = live.resolve(cache, [wanted])
    part = found[wanted]
    assert isinstance(part, Part), part
    assert [package.name for package in part.packages] == ["busybox-static"]


@pytest.mark.parametrize("kernel", catalogue.kernels().values(), ids=catalogue.kernels())
def test_the_catalogue_agrees_with_the_headers_of_each_kernel(kernel: catalogue.Kernel) -> None:
    entries = kernels.entries(Cache(default_root(), Progress()), kernel)
    said = {entry.arch: entry.native for entry in entries if entry.native_from == "headers"}
    if not said:
        pytest.skip(f"{kernel.name} is not in this cache")
    assert said == {arch: arch in kernel.native for arch in said}
