# SPDX-License-Identifier: GPL-2.0-only
"""Kernels are resolved for each architecture alone if one of them fails, and apt's refusals count for a day."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from lazymmu.cli import main
from lazymmu.provision import kernel_resolution, kernels, setup, ssh_image, tool_root
from lazymmu.provision.cache import Cache, default_root
from lazymmu.provision.catalogue import Kernel
from lazymmu.provision.catalogue import kernel as named
from lazymmu.provision.catalogue import kernels as catalogue
from lazymmu.provision.kernels import now, resolutions
from lazymmu.provision.progress import Progress
from lazymmu.provision.tool_root import host_architecture
from lazymmu.support.errors import SetupError

from tests.integration.provision import mirrors
from tests.integration.provision.mirrors import Mirror

CURRENT, LTS = named("current"), named("lts")
ARCHES = ("arm64", "s390x", "x86_64")


@pytest.fixture
def mirror(home: Path, monkeypatch: pytest.MonkeyPatch) -> Mirror:
    return mirrors.installed(home, monkeypatch)


@pytest.fixture
def cache(home: Path) -> Cache:
    """The cache that the command line uses in this test."""
    return Cache(home / "cache" / "lazymmu", Progress())


def fetched(cache: Cache, *arches: str, update: bool = False, kernel: Kernel = CURRENT) -> kernel_resolution.Fetched:
    folder = cache.root / "scratch" / str(len(list(cache.root.glob("scratch/*"))))
    folder.mkdir(parents=True)
    (cache.root / "kernels").mkdir(exist_ok=True)
    return kernel_resolution.fetch(cache, kernel, arches, folder, update=update)


def listed(home: Path, *flags: str) -> dict[tuple[str, str], dict[str, Any]]:
    """Return what `lazymmu kernels` writes, by kernel and architecture."""
    assert main(["kernels", "--json", str(home / "kernels.json"), *flags]) == 0
    document = json.loads((home / "kernels.json").read_text())
    return {(one["kernel"], one["arch"]): one for one in document["kernels"]}


def test_one_question_is_enough_if_all_resolve(mirror: Mirror, cache: Cache) -> None:
    found = fetched(cache, *ARCHES)
    assert [set(one.split()) for one in mirror.asked()] == [{"amd64", "arm64", "s390x"}]
    locked = {arch: release.version for arch, release in kernels.locked(cache, CURRENT).items()}
    assert locked == dict.fromkeys(ARCHES, mirrors.VERSION)
    assert found.refused == {}
    assert found.releases["arm64"].packages == (
        f"linux-binary-7.3.4+deb13-cloud-arm64:arm64={mirrors.VERSION}",
        f"linux-headers-7.3.4+deb13-cloud-arm64:arm64={mirrors.VERSION}",
        f"linux-headers-7.3.4+deb13-common:all={mirrors.VERSION}",
        # kbuild's programs run on the host.
        f"linux-kbuild-7.3.4+deb13:{host_architecture()}={mirrors.VERSION}",
    )
    assert ssh_image.with_modules(found.releases["s390x"]) == [
        f"linux-binary-7.3.4+deb13-s390x:s390x={mirrors.VERSION}",
        f"linux-modules-7.3.4+deb13-s390x:s390x={mirrors.VERSION}",
    ]
    assert len(found.debs) == len({file.name for file in found.debs}) == 8


def test_an_architecture_that_fails_costs_no_other(mirror: Mirror, cache: Cache) -> None:
    mirror.refuses("s390x", mirrors.OUT_OF_STEP)
    found = fetched(cache, *ARCHES)
    first, *others = mirror.asked()
    assert set(first.split()) == {"amd64", "arm64", "s390x"}
    host = host_architecture()
    assert sorted(map(sorted, map(str.split, others))) == sorted(sorted({host, arch}) for arch in first.split())
    assert set(found.releases) == set(kernels.locked(cache, CURRENT)) == {"arm64", "x86_64"}
    # Packages that several need are there once, though each fetched them.
    assert len(found.debs) == len({file.name for file in found.debs}) == 6
    (reason,) = found.refused.values()
    assert reason.startswith("Failed to fetch http://mirror/debian/dists/trixie-backports/main/binary-s390x/Packages")
    assert "Mirror sync in progress?" in reason
    assert "\n" not in reason and "mmdebstrap" not in reason
    said = resolutions(cache, CURRENT)
    assert (said["s390x"].reason, said["arm64"].release) == (reason, "7.3.4+deb13-cloud-arm64")


@pytest.mark.parametrize("package", ["linux-headers-s390x:s390x", f"linux-kbuild-7.3.4+deb13:{host_architecture()}"])
def test_a_missing_package_is_named(mirror: Mirror, cache: Cache, package: str) -> None:
    mirror.lacks(package)
    assert fetched(cache, "s390x").refused == {"s390x": f"trixie-backports has no package {package}"}


@pytest.mark.parametrize("said", [mirrors.NO_NETWORK, mirrors.ILL, mirrors.FULL])
def test_a_failure_that_is_not_the_archives_is_an_error_and_not_remembered(
    mirror: Mirror, cache: Cache, said: str
) -> None:
    mirror.refuses("amd64", said)
    with pytest.raises(SetupError):
        fetched(cache, *ARCHES)
    assert len(mirror.asked()) == 1
    assert resolutions(cache, CURRENT) == {}


def test_a_locked_version_that_is_gone_is_an_error(mirror: Mirror, cache: Cache) -> None:
    fetched(cache, "arm64")
    mirror.gone()
    with pytest.raises(SetupError, match="the locked version of kernel current cannot be fetched: arm64: Version"):
        fetched(cache, "arm64", "s390x")


def test_the_projects_lists_help_until_a_version_is_locked(
    mirror: Mirror, cache: Cache, capsys: pytest.CaptureFixture[str]
) -> None:
    mirror.refuses("s390x", mirrors.OUT_OF_STEP)
    assert set(fetched(cache, *ARCHES, kernel=LTS).releases) == set(ARCHES)
    assert "going by images/packages for s390x\n" in capsys.readouterr().err
    # A locked kernel must not become older.
    found = fetched(cache, *ARCHES, kernel=LTS, update=True)
    assert set(found.refused) == {"s390x"}
    assert set(kernels.locked(cache, LTS)) == set(ARCHES)
    said = capsys.readouterr().err
    assert f"does not resolve for s390x, {mirrors.VERSION} stays locked: Failed to fetch" in said
    assert "images/packages" not in said


def test_a_refusal_counts_for_a_day_and_offline_for_ever(
    mirror: Mirror, home: Path, cache: Cache, capsys: pytest.CaptureFixture[str]
) -> None:
    mirror.refuses("s390x", mirrors.OUT_OF_STEP)
    assert listed(home, "--update")["current", "s390x"]["answer"]["reason"].startswith("Failed to fetch")
    tool_root.path(cache).mkdir(parents=True)
    path = cache.root / "kernels" / "current.resolutions"

    def age(days: float) -> None:
        document = json.loads(path.read_text())
        document["s390x"]["asked"] = (now() - timedelta(days=days)).isoformat()
        path.write_text(json.dumps(document))

    def asks(*, offline: bool = False, update: bool = False, again: bool = False) -> bool:
        """Return whether a set-up asks apt."""
        before = len(mirror.asked())
        # The tool root of this test is empty: nothing starts in it.
        with pytest.raises(SetupError, match="no way to run programs in the tool root"):
            setup.available(cache, CURRENT, ["s390x"], offline=offline, update=update, again=again)
        return len(mirror.asked()) > before

    assert not asks()
    assert asks(again=True)
    assert asks(update=True)
    age(0.9)
    assert not asks()
    age(1.1)
    assert not asks(offline=True)
    assert asks()
    assert not asks(), "apt's new reason is remembered"
    age(1.1)
    mirror.refuses("s390x", mirrors.NO_NETWORK)
    assert asks(), "an old reason is better than none if apt cannot be asked"
    assert "apt could not be asked again: package lists of trixie-backports" in capsys.readouterr().err
    with pytest.raises(SetupError, match="Could not connect"):
        setup.available(cache, CURRENT, ["s390x"], again=True)
    mirror.refuses("s390x", mirrors.OUT_OF_STEP)
    age(-1)
    assert asks(), "apt was not asked in the future"


def test_offline_a_kernel_that_was_never_asked_for_is_missing(mirror: Mirror, cache: Cache) -> None:
    with pytest.raises(SetupError, match="kernel current for s390x is not in the cache, and --offline forbids"):
        setup.prepare(cache, CURRENT, ["s390x"], offline=True)
    assert mirror.asked() == []


def test_the_command_asks_only_with_update(mirror: Mirror, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = listed(home)
    assert mirror.asked() == []
    assert not (home / "cache").exists()
    assert {(name, arch) for name, kernel in catalogue().items() for arch in kernel.flavours} == set(found)
    assert all(one["answer"] is None and one["release"] is None for one in found.values())
    assert "not asked yet: lazymmu kernels --update" in capsys.readouterr().out

    mirror.refuses("s390x", mirrors.EXPIRED)
    found = listed(home, "--update")
    assert found["next", "arm64"]["version"] == mirrors.VERSION
    assert not found["next", "arm64"]["locked"]
    assert "is expired" in found["next", "s390x"]["answer"]["reason"]
    shown = capsys.readouterr().out
    assert "s390x   does not resolve: Release file for http://mirror" in shown
    assert "arm64   Linux 7.3.4+deb13-cloud-arm64 (7.3.4-1~bpo13+1), not in the cache" in shown
    # Nothing is locked, so that no run has to fetch a newer kernel.
    assert not list((home / "cache" / "lazymmu" / "kernels").glob("*.json"))
    assert listed(home) == found


@pytest.mark.parametrize("name", catalogue())
def test_the_catalogue_agrees_with_the_headers_of_each_kernel(name: str) -> None:
    cache, kernel = Cache(default_root(), Progress()), named(name)
    said = {}
    locked = kernels.locked(cache, kernel)
    for arch, release in ((arch, locked[arch]) for arch in kernel.flavours if arch in locked):
        root = tool_root.path(cache, arch)
        installed = kernels.installed_kernel(root, kernel, arch, release)
        if installed is not None:
            said[arch] = kernels.has_native(root, installed)
    if not said:
        pytest.skip(f"{name} is not in this cache")
    assert said == {arch: arch in kernel.native for arch in said}


def test_the_doctor_shows_each_kernel_and_a_refusal_blocks_only_if_nothing_is_left(mirror: Mirror, home: Path) -> None:
    def checks() -> dict[str, Any]:
        main(["doctor", "--json", str(home / "doctor.json"), "--kernel", "lts", "--kernel", "current"])
        found = json.loads((home / "doctor.json").read_text())["checks"]
        assert len({check["name"] for check in found}) == len(found), "a check is known by its name"
        return {check["name"]: check for check in found}

    mirror.refuses("s390x", mirrors.OUT_OF_STEP)
    listed(home, "--update")
    found = checks()
    check = found["kernel current s390x"]
    assert (check["state"], check["blocks"], check["next"]) == ("note", False, "lazymmu setup --kernel current")
    assert check["found"].startswith("kernel current does not resolve for s390x: Failed to fetch")
    assert {"kernel lts s390x", "module arm64 current", "accelerator x86_64 current"} <= found.keys()
    assert "module s390x current" not in found
    for arch in ("arm64", "amd64"):
        mirror.refuses(arch, mirrors.EXPIRED)
    listed(home, "--update")
    assert checks()["kernel current s390x"]["blocks"]
