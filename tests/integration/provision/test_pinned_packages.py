# SPDX-License-Identifier: GPL-2.0-only
"""The project's own package lists, with the host's mmdebstrap and apt on a mirror in a folder."""

import hashlib
import re
import subprocess
from pathlib import Path

import pytest
from lazymmu.architecture import architectures, default_names
from lazymmu.provision import catalogue, pinned_packages, shell_image, ssh_image
from lazymmu.provision.cache import Cache
from lazymmu.provision.debian import Apt, NotThereError, refusal, with_lists
from lazymmu.provision.kernel_resolution import resolve
from lazymmu.provision.progress import Progress
from lazymmu.provision.subprocesses import Tools
from lazymmu.provision.tool_root import debian_names, host_architecture
from lazymmu.support.errors import SetupError
from lazymmu.support.machine_names import DEFAULT_KERNEL

SUITE = catalogue.kernel(DEFAULT_KERNEL).suite
ALL = debian_names(default_names())


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
        """Return a list's text about the package, or about one with another name; only the file `thing` exists."""
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
            self.list(architecture).write_text(f"{self.stanza(architecture, version='0')}# late\n")

    def name(self, architecture: str, **fields: str) -> None:
        """Let a list name something else, and sign it."""
        self.list(architecture).write_text(self.stanza(architecture, **fields))
        self.sign()

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
        """Make the Release file of the present lists."""
        lines = [f"Suite: {SUITE}", "Date: Sat, 21 Nov 2026 09:15:44 +0000", "Components: main", "SHA256:"]
        lines.insert(2, f"Architectures: {' '.join(ALL)}")
        for architecture in ALL:
            data, name = self.list(architecture).read_bytes(), self.list(architecture).relative_to(self._release)
            lines.append(f" {hashlib.sha256(data).hexdigest()} {len(data)} {name}")
        (self._release / "Release").write_text("\n".join(lines) + "\n")


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Archive:
    """Return a mirror that mmdebstrap uses."""
    found = Archive(tmp_path / "mirror with a space")
    monkeypatch.setenv("LAZYMMU_MIRROR", f"deb [trusted=yes] {found.folder.as_uri()} {SUITE} main")
    return found


@pytest.fixture
def pinned(archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the project's lists name that package, version 0.9 for arm64, and nothing else."""
    monkeypatch.setattr(pinned_packages, "LISTS", tmp_path / "lists")
    for architecture in ALL:
        path = pinned_packages.path(SUITE, architecture)
        path.parent.mkdir(parents=True, exist_ok=True)
        version = "0.9" if architecture == "arm64" else "1"
        path.write_text(f"# a comment\n\n{archive.stanza(architecture, version=version)}")
    return pinned_packages.LISTS


def fetched(tmp_path: Path, *, name: str = "cache", fallback: bool = True) -> dict[str, str]:
    """Fetch the newest `thing` of each architecture. Return the versions of the files."""

    def work(apt: Apt, files: Path) -> dict[str, str]:
        found = {}
        for one in ALL:
            (deb,) = apt.download([f"thing:{one}={apt.show(f'thing:{one}')['Version']}"], files / one)
            assert deb.read_bytes()
            found[one] = deb.name.split("_")[1]
        return found

    cache = Cache(tmp_path / name, Progress())
    return with_lists(cache, cache.root, SUITE, ALL, work, fallback=fallback)


def replaced(said: str) -> list[str]:
    """Return the architectures for which the project's lists were used, by what was printed."""
    return [one for line in said.splitlines() for one in line.partition("images/packages for ")[2].split(", ") if one]


@pytest.mark.usefixtures("pinned")
def test_a_mirror_that_is_in_order_is_used_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fetched(tmp_path) == dict.fromkeys(ALL, "1")
    assert replaced(capsys.readouterr().err) == []


@pytest.mark.usefixtures("pinned")
@pytest.mark.parametrize("wrong", [["s390x"], ALL])
def test_the_projects_list_replaces_one_that_is_out_of_step(
    wrong: list[str], archive: Archive, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive.out_of_step(*wrong)
    assert fetched(tmp_path)["arm64"] == ("0.9" if "arm64" in wrong else "1")
    said = capsys.readouterr().err
    assert "Hash Sum mismatch" in said
    assert sorted(replaced(said)) == sorted(wrong)


@pytest.mark.usefixtures("pinned")
@pytest.mark.parametrize("ahead", [["s390x"], ["arm64", "s390x"], [host_architecture()]])
def test_the_projects_list_replaces_one_that_names_missing_files(
    ahead: list[str], archive: Archive, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for one in ahead:
        archive.name(one, version="2", file="later")
    assert fetched(tmp_path)["arm64"] == ("1" if ahead == ["s390x"] else "0.9")
    said = capsys.readouterr().err
    # The host's packages must match those of guests.
    assert sorted(replaced(said)) == sorted(ALL if ahead == [host_architecture()] else ahead)
    assert f"later_{ahead[0]}.deb" in said


@pytest.mark.parametrize("lost", ["the project's list", "the file", "the fallback", "the right bytes"])
def test_the_error_has_the_mirrors_reason_and_the_one_of_the_projects_lists(
    lost: str, archive: Archive, pinned: Path, tmp_path: Path
) -> None:
    if lost == "the project's list":
        for path in pinned.rglob("s390x.packages"):
            path.unlink()
    archive.name("s390x", version="2", file="later")
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
        fetched(tmp_path, fallback=lost != "the fallback")
    reason = refusal(raised.value) or ""
    assert re.search(f"later_s390x.*{second}", reason)
    assert ("by images/packages" in reason) == bool(second)
    assert raised.value.hint == "when the mirror no longer has a locked version: lazymmu setup --update"


@pytest.mark.usefixtures("pinned")
def test_a_cache_whose_name_apt_would_have_to_quote_uses_no_lists_of_the_project(
    archive: Archive, tmp_path: Path
) -> None:
    archive.out_of_step("s390x")
    with pytest.raises(SetupError, match=r"Hash Sum mismatch"):
        fetched(tmp_path, name="a cache")


@pytest.mark.parametrize("arch", default_names())
def test_the_projects_lists_have_all_that_guests_need(arch: str, archive: Archive, tmp_path: Path) -> None:
    machine, kernel = architectures()[arch], catalogue.kernel(DEFAULT_KERNEL)
    listed = list(dict.fromkeys([host_architecture(), machine.debian]))
    apt = Apt.open(Tools(), tmp_path / "apt", SUITE, ALL, listed)
    release = resolve(apt, machine.debian, kernel.flavours[arch])
    server = apt.needed(f"{ssh_image.PACKAGE}:{machine.debian}")
    assert any(package.startswith("libc6:") for package in server)
    for package in (*release.packages, *server, f"{shell_image.PACKAGE}:{machine.debian}"):
        fields = apt.show(package)
        assert len(fields["SHA256"]) == len(hashlib.sha256().hexdigest())
        assert fields["Filename"].startswith("pool/main/")


def test_apt_shows_the_newest_version_and_names_what_a_package_depends_on(archive: Archive, tmp_path: Path) -> None:
    versions = "".join(archive.stanza("s390x", version=version) for version in ("9", "1:2", "10", "1:1"))
    server = archive.stanza("s390x", name="server", file="server", depends="a-library (>= 1:1) | thing, zone-data")
    library = archive.stanza("s390x", name="a-library", file="a-library", version="1:1.3.dfsg+really1.3.1-1+b1~x")
    data = archive.stanza("s390x", name="zone-data", file="zone-data", version="2025b-4")
    everywhere = data.replace("s390x\n", "all\nMulti-Arch: foreign\n", 1)
    archive.list("s390x").write_text(versions + server + library + everywhere)
    archive.sign()
    apt = Apt.open(Tools(), tmp_path / "apt", SUITE, ALL)
    assert apt.show("thing:s390x")["Version"] == "1:2"
    assert apt.show("thing:s390x=10")["Version"] == "10"
    with pytest.raises(NotThereError, match="has no package other:s390x"):
        apt.show("other:s390x")
    assert sorted(apt.needed("server:s390x")) == [
        "a-library:s390x=1:1.3.dfsg+really1.3.1-1+b1~x",
        "server:s390x=1",
        "zone-data:all=2025b-4",
    ]
