# SPDX-License-Identifier: GPL-2.0-only
"""The package lists that the project carries, with the host's own mmdebstrap and apt on a mirror in a folder."""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from lazymmu.architecture import architectures, default_names
from lazymmu.provision import catalogue, pinned_packages, shell_image, ssh_image
from lazymmu.provision.cache import Cache
from lazymmu.provision.debian import Apt, NotThereError, refusal, with_lists
from lazymmu.provision.kernel_resolution import resolve
from lazymmu.provision.progress import Progress
from lazymmu.provision.subprocesses import ToolError
from lazymmu.provision.tool_root import host_architecture
from lazymmu.support.errors import SetupError
from lazymmu.support.machine_names import DEFAULT_KERNEL

SUITE = catalogue.kernel(DEFAULT_KERNEL).suite
DEBIAN = [architectures()[arch].debian for arch in default_names()]
ALL = list(dict.fromkeys([host_architecture(), *DEBIAN]))


class Archive:
    """A mirror with one small package, `thing`, for each architecture."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._release = folder / "dists" / SUITE
        for architecture in ALL:
            self._package(architecture)
        self.sign()

    def file(self, architecture: str) -> Path:
        """Return the package's file."""
        return self.folder / "pool" / f"thing_{architecture}.deb"

    def list(self, architecture: str) -> Path:
        """Return the list that names the package."""
        return self._release / f"main/binary-{architecture}/Packages"

    def stanza(
        self, architecture: str, *, version: str = "1", file: str = "thing", name: str = "thing", depends: str = ""
    ) -> str:
        """Return what a list says of the package, or of one with another name; only the file `thing` is there."""
        data = self.file(architecture).read_bytes()
        return (
            f"Package: {name}\nVersion: {version}\nArchitecture: {architecture}\n"
            f"{f'Depends: {depends}' if depends else 'Priority: optional'}\n"
            f"Filename: pool/{file}_{architecture}.deb\n"
            f"Size: {len(data)}\nSHA256: {hashlib.sha256(data).hexdigest()}\n\n"
        )

    def out_of_step(self, *architectures: str) -> None:
        """Change lists after the Release file was made."""
        for architecture in architectures:
            self.replace(architecture, version="0")
            self.list(architecture).open("a").write("# late\n")

    def replace(self, architecture: str, *, version: str, file: str = "thing") -> None:
        """Let a list name another version, in another file."""
        self.list(architecture).write_text(self.stanza(architecture, version=version, file=file))

    def _package(self, architecture: str) -> None:
        tree, file = self.folder / "trees" / architecture, self.file(architecture)
        (tree / "DEBIAN").mkdir(parents=True)
        (tree / "DEBIAN/control").write_text(
            f"Package: thing\nVersion: 1\nArchitecture: {architecture}\nMaintainer: x <x@example.org>\nDescription: x\n"
        )
        file.parent.mkdir(exist_ok=True)
        subprocess.run(["dpkg-deb", "--build", str(tree), str(file)], check=True, capture_output=True)
        self.list(architecture).parent.mkdir(parents=True)
        self.list(architecture).write_text(self.stanza(architecture))

    def sign(self) -> None:
        """Make the Release file that fits the lists of now."""
        lines = [f"Suite: {SUITE}", "Date: Sat, 21 Nov 2026 09:15:44 +0000", "Components: main", "SHA256:"]
        lines.insert(2, f"Architectures: {' '.join(ALL)}")
        for architecture in ALL:
            data, name = self.list(architecture).read_bytes(), self.list(architecture).relative_to(self._release)
            lines.append(f" {hashlib.sha256(data).hexdigest()} {len(data)} {name}")
        (self._release / "Release").write_text("\n".join(lines) + "\n")


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Archive:
    """Return a mirror that mmdebstrap takes for its own."""
    found = Archive(tmp_path / "mirror with a space")
    monkeypatch.setenv("LAZYMMU_MIRROR", f"deb [trusted=yes] {found.folder.as_uri()} {SUITE} main")
    return found


@pytest.fixture
def carries(archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the project carry lists with that package, and with nothing else."""
    monkeypatch.setattr(pinned_packages, "LISTS", tmp_path / "lists")
    for architecture in ALL:
        path = pinned_packages.path(SUITE, architecture)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"# a comment\n\n{archive.stanza(architecture)}")
    return pinned_packages.LISTS


def opened(tmp_path: Path, *architectures: str, name: str = "cache") -> Apt:
    cache = Cache(tmp_path / name, Progress())
    cache.root.mkdir()
    return Apt.open(cache, cache.root / "apt", SUITE, architectures or ALL)


@pytest.mark.usefixtures("carries")
def test_a_whole_mirror_is_believed(archive: Archive, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    apt = opened(tmp_path)
    assert not apt.instead
    assert [file.read_bytes() for file in apt.download(["thing:s390x=1"], tmp_path / "debs")] == [
        archive.file("s390x").read_bytes()
    ]
    assert "images/packages" not in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [["s390x"], ALL])
def test_a_list_out_of_step_is_replaced_by_the_projects_and_the_file_comes_from_the_mirror(
    wrong: list[str], archive: Archive, carries: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # What the mirror's whole lists say is newer here.
    for file in carries.rglob("arm64.packages"):
        file.write_text(archive.stanza("arm64", version="0.9"))
    archive.out_of_step(*wrong)
    apt = opened(tmp_path)
    said = capsys.readouterr().err
    assert "Hash Sum mismatch" in apt.instead
    assert apt.instead in said
    told = [one for line in said.splitlines() for one in line.partition("images/packages for ")[2].split(", ")]
    assert sorted(told) == sorted(wrong)
    assert apt.show("thing:s390x")["Version"] == "1"
    assert apt.show("thing:arm64")["Version"] == ("0.9" if "arm64" in wrong else "1")
    (deb,) = apt.download(["thing:s390x=1"], tmp_path / "debs")
    assert deb.read_bytes() == archive.file("s390x").read_bytes()


def things(apt: Apt, files: Path) -> list[str]:
    """Fetch the newest of two architectures, one after the other; return what came."""
    found = []
    for one in ("s390x", "arm64"):
        found += apt.download([f"thing:{one}={apt.show(f'thing:{one}')['Version']}"], files / one)
    return [deb.name for deb in found]


def by_lists(tmp_path: Path, work: Callable[[Apt, Path], list[str]], *, fallback: bool = True) -> list[str]:
    cache = Cache(tmp_path / "cache", Progress())
    return with_lists(cache, cache.root, SUITE, ALL, work, fallback=fallback)


@pytest.mark.parametrize("ahead", [["s390x"], ["s390x", "arm64"], [host_architecture()]])
def test_where_lists_are_ahead_of_files_the_projects_are_taken_for_these_architectures(
    ahead: list[str], archive: Archive, carries: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # The mirror has 1 of all, and names 2 of some; the project names 0.9 of arm64.
    for one in ahead:
        archive.replace(one, version="2", file="later")
    archive.sign()
    for file in carries.rglob("arm64.packages"):
        file.write_text(archive.stanza("arm64", version="0.9"))

    def work(apt: Apt, files: Path) -> list[str]:
        apt.download([f"thing:{host_architecture()}={apt.show(f'thing:{host_architecture()}')['Version']}"], files)
        return things(apt, files)

    older = ahead != ["s390x"]
    assert by_lists(tmp_path, work) == ["thing_1_s390x.deb", "thing_0.9_arm64.deb" if older else "thing_1_arm64.deb"]
    said = capsys.readouterr().err
    told = [one for line in said.splitlines() for one in line.partition("images/packages for ")[2].split(", ")]
    # What runs on the host goes with what is built for guests.
    assert told == (ALL if ahead == [host_architecture()] else ahead)
    assert f"later_{ahead[0]}.deb" in said


@pytest.mark.usefixtures("carries")
def test_a_version_that_only_the_project_names_comes_by_its_list(archive: Archive, tmp_path: Path) -> None:
    archive.replace("s390x", version="2")
    archive.sign()

    def locked(apt: Apt, files: Path) -> list[str]:
        return [deb.name for deb in apt.download(["thing:s390x=1"], files)]

    assert by_lists(tmp_path, locked) == ["thing_1_s390x.deb"]


@pytest.mark.parametrize("lost", ["the project's list", "the file", "the fallback", "the right bytes"])
def test_where_the_projects_lists_do_not_help_either_the_reason_is_told(
    lost: str, archive: Archive, carries: Path, tmp_path: Path
) -> None:
    if lost == "the project's list":
        for path in carries.rglob("s390x.packages"):
            path.unlink()
    archive.replace("s390x", version="2", file="later")
    archive.sign()
    second = ""
    if lost == "the file":
        archive.file("s390x").unlink()
        second = "; and by images/packages: .*/thing_s390x"
    if lost == "the right bytes":
        data = bytearray(archive.file("s390x").read_bytes())
        data[-1] ^= 1
        archive.file("s390x").write_bytes(data)
        second = "; and by images/packages: .*Hash Sum mismatch"
    with pytest.raises(SetupError) as raised:
        by_lists(tmp_path, things, fallback=lost != "the fallback")
    reason = refusal(raised.value) or ""
    assert re.search(f"later_s390x.*{second}", reason)
    assert ("by images/packages" in reason) == bool(second)
    assert raised.value.hint == "when the mirror no longer has a locked version: lazymmu setup --update"


@pytest.mark.usefixtures("carries")
def test_a_list_out_of_step_and_a_file_that_is_gone_are_told_with_both_reasons(
    archive: Archive, tmp_path: Path
) -> None:
    archive.out_of_step("s390x")
    archive.file("s390x").unlink()
    with pytest.raises(NotThereError, match=r"Hash Sum mismatch.*; and by images/packages: .*thing_s390x\.deb"):
        by_lists(tmp_path, things)


def test_where_the_project_carries_no_list_the_refusal_stands(archive: Archive, carries: Path, tmp_path: Path) -> None:
    for file in carries.rglob("s390x.packages"):
        file.unlink()
    archive.out_of_step("s390x")
    with pytest.raises(ToolError, match=r"Hash Sum mismatch"):
        opened(tmp_path)


@pytest.mark.usefixtures("carries")
def test_a_cache_whose_name_apt_would_have_to_quote_does_without(archive: Archive, tmp_path: Path) -> None:
    archive.out_of_step("s390x")
    with pytest.raises(ToolError, match=r"Hash Sum mismatch"):
        opened(tmp_path, name="a cache")


@pytest.mark.parametrize("arch", default_names())
def test_the_projects_lists_have_all_that_guests_need(arch: str, archive: Archive, tmp_path: Path) -> None:
    machine, kernel = architectures()[arch], catalogue.kernel(DEFAULT_KERNEL)
    archive.out_of_step(*ALL)
    apt = opened(tmp_path, *dict.fromkeys([host_architecture(), machine.debian]))
    release = resolve(apt, machine.debian, kernel.flavours[arch])
    server = apt.needed(f"{ssh_image.PACKAGE}:{machine.debian}")
    assert any(package.startswith("libc6:") for package in server)
    shell = f"{shell_image.PACKAGE}:{machine.debian}"
    for package in (*release.packages, *server, shell):
        fields = apt.show(package)
        assert len(fields["SHA256"]) == len(hashlib.sha256().hexdigest())
        assert fields["Filename"].startswith("pool/main/")


def test_of_several_versions_the_newest_is_shown(archive: Archive, tmp_path: Path) -> None:
    archive.list("s390x").write_text("".join(archive.stanza("s390x", version=one) for one in ("9", "1:2", "10", "1:1")))
    archive.sign()
    apt = opened(tmp_path)
    assert apt.show("thing:s390x")["Version"] == "1:2"
    assert apt.show("thing:s390x=10")["Version"] == "10"
    with pytest.raises(NotThereError, match="has no package other:s390x"):
        apt.show("other:s390x")


def test_what_a_package_depends_on_is_what_apt_would_fetch(archive: Archive, tmp_path: Path) -> None:
    stanzas = [
        archive.stanza("s390x", name="server", file="server", depends="a-library (>= 1:1) | thing, zone-data"),
        archive.stanza("s390x", name="a-library", file="a-library", version="1:1.3.dfsg+really1.3.1-1+b1~x"),
        archive.stanza("s390x", name="zone-data", file="zone-data", version="2025b-4").replace(
            "s390x\n", "all\nMulti-Arch: foreign\n", 1
        ),
        archive.stanza("s390x"),
    ]
    archive.list("s390x").write_text("".join(stanzas))
    archive.sign()
    assert sorted(opened(tmp_path).needed("server:s390x")) == [
        "a-library:s390x=1:1.3.dfsg+really1.3.1-1+b1~x",
        "server:s390x=1",
        "zone-data:all=2025b-4",
    ]
