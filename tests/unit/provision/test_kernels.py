# SPDX-License-Identifier: GPL-2.0-only
"""Kernels are resolved for each architecture by itself when one of them fails, with apt's reason, asked once a day."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from lazymmu.architecture import architectures
from lazymmu.cli import main
from lazymmu.doctor.cache_state import CacheState, read_cache_state
from lazymmu.provision import kernel_listing, kernel_resolution, kernels, setup, tool_root
from lazymmu.provision.cache import Cache, default_root
from lazymmu.provision.catalogue import Kernel
from lazymmu.provision.catalogue import kernel as named
from lazymmu.provision.catalogue import kernels as catalogue
from lazymmu.provision.debian import NotThereError, refusal
from lazymmu.provision.kernels import InstalledKernel, Release
from lazymmu.provision.progress import Progress
from lazymmu.provision.resolution_cache import now, resolutions
from lazymmu.provision.subprocesses import ToolError
from lazymmu.provision.tool_root import host_architecture
from lazymmu.support.errors import SetupError

from tests.unit.provision import mirrors
from tests.unit.provision.mirrors import Mirror

CURRENT = named("current")
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


def asked_by_command(home: Path, *flags: str) -> dict[tuple[str, str], dict[str, Any]]:
    assert main(["kernels", "--json", str(home / "kernels.json"), *flags]) == 0
    document = json.loads((home / "kernels.json").read_text())
    return {(one["kernel"], one["arch"]): one for one in document["kernels"]}


def test_one_question_is_enough_where_all_resolve(mirror: Mirror, cache: Cache) -> None:
    found = fetched(cache, *ARCHES)
    assert [set(one.split()) for one in mirror.asked()] == [{"amd64", "arm64", "s390x"}]
    assert {arch: release.version for arch, release in kernels.locked(cache, CURRENT).items()} == dict.fromkeys(
        ARCHES, mirrors.VERSION
    )
    assert found.refused == {}
    assert found.releases["arm64"].packages == (
        f"linux-binary-7.3.4+deb13-cloud-arm64:arm64={mirrors.VERSION}",
        f"linux-headers-7.3.4+deb13-cloud-arm64:arm64={mirrors.VERSION}",
        f"linux-headers-7.3.4+deb13-common:all={mirrors.VERSION}",
        # kbuild's programs are the host's.
        f"linux-kbuild-7.3.4+deb13:{host_architecture()}={mirrors.VERSION}",
    )
    assert kernels.with_modules(found.releases["s390x"]) == [
        f"linux-binary-7.3.4+deb13-s390x:s390x={mirrors.VERSION}",
        f"linux-modules-7.3.4+deb13-s390x:s390x={mirrors.VERSION}",
    ]
    assert len(found.debs) == len({file.name for file in found.debs}) == 8


def test_one_architecture_that_fails_costs_no_other(mirror: Mirror, cache: Cache) -> None:
    mirror.refuses("s390x", mirrors.OUT_OF_STEP)
    found = fetched(cache, *ARCHES)
    first, *others = mirror.asked()
    assert set(first.split()) == {"amd64", "arm64", "s390x"}
    host = host_architecture()
    assert {frozenset(one.split()) for one in others} == {frozenset({host, arch}) for arch in first.split()}
    assert len(others) == 3
    assert set(found.releases) == set(kernels.locked(cache, CURRENT)) == {"arm64", "x86_64"}
    # What several need is there once, though each fetched it.
    assert len(found.debs) == len({file.name for file in found.debs}) == 6
    assert list(found.refused) == ["s390x"]
    reason = found.refused["s390x"]
    assert reason.startswith("Failed to fetch http://mirror/debian/dists/trixie-backports/main/binary-s390x/Packages")
    assert "Mirror sync in progress?" in reason
    assert "\n" not in reason
    assert "mmdebstrap" not in reason
    told = resolutions(cache, CURRENT)
    assert told["s390x"].reason == reason
    assert told["arm64"].release == "7.3.4+deb13-cloud-arm64"


def test_a_package_that_is_not_there_is_named(mirror: Mirror, cache: Cache) -> None:
    mirror.lacks("linux-headers-s390x:s390x")
    assert fetched(cache, "s390x").refused == {"s390x": "trixie-backports has no package linux-headers-s390x:s390x"}


def test_the_hosts_kbuild_is_looked_for_whatever_the_guest_is(mirror: Mirror, cache: Cache) -> None:
    kbuild = f"linux-kbuild-7.3.4+deb13:{host_architecture()}"
    mirror.lacks(kbuild)
    assert fetched(cache, "arm64").refused == {"arm64": f"trixie-backports has no package {kbuild}"}


@pytest.mark.parametrize("said", [mirrors.NO_NETWORK, mirrors.ILL, mirrors.FULL])
def test_what_is_not_the_archives_doing_is_an_error_and_is_not_remembered(
    mirror: Mirror, cache: Cache, said: str
) -> None:
    mirror.refuses("amd64", said)
    with pytest.raises(SetupError):
        fetched(cache, *ARCHES)
    assert len(mirror.asked()) == 1
    assert resolutions(cache, CURRENT) == {}


def test_a_locked_version_that_is_gone_is_an_error_and_no_refusal(mirror: Mirror, cache: Cache) -> None:
    fetched(cache, "arm64")
    mirror.gone()
    with pytest.raises(SetupError, match="the locked version of kernel current cannot be fetched: arm64: Version"):
        fetched(cache, "arm64", "s390x")


def test_what_does_not_resolve_anew_stays_locked(
    mirror: Mirror, cache: Cache, capsys: pytest.CaptureFixture[str]
) -> None:
    fetched(cache, *ARCHES)
    mirror.refuses("s390x", mirrors.OUT_OF_STEP)
    assert set(fetched(cache, *ARCHES, update=True).refused) == {"s390x"}
    assert set(kernels.locked(cache, CURRENT)) == set(ARCHES)
    assert f"{mirrors.VERSION} stays locked: Failed to fetch" in capsys.readouterr().err


def test_what_the_project_carries_takes_the_place_of_a_refusal_but_never_of_what_is_locked(
    mirror: Mirror, cache: Cache, capsys: pytest.CaptureFixture[str]
) -> None:
    mirror.refuses("s390x", mirrors.OUT_OF_STEP)
    lts = named("lts")
    assert set(fetched(cache, *ARCHES, kernel=lts).releases) == set(ARCHES)
    assert "going by images/packages for s390x\n" in capsys.readouterr().err
    found = fetched(cache, *ARCHES, kernel=lts, update=True)
    assert set(found.refused) == {"s390x"}
    said = capsys.readouterr().err
    assert f"does not resolve for s390x, {mirrors.VERSION} stays locked: Failed to fetch" in said
    assert "images/packages" not in said


def test_files_that_the_mirrors_lists_name_and_it_does_not_have_come_by_the_projects_lists(
    mirror: Mirror, cache: Cache, capsys: pytest.CaptureFixture[str]
) -> None:
    mirror.loses("s390x")
    found = fetched(cache, *ARCHES, kernel=named("lts"))
    assert (set(found.releases), found.refused) == (set(ARCHES), {})
    assert {deb.parent.parent.name for deb in found.debs} == {"by-s390x"}
    said = capsys.readouterr().err
    assert "going by images/packages for s390x\n" in said
    assert "404 Not Found" in said


def test_lost_files_do_not_make_a_locked_kernel_older(
    mirror: Mirror, cache: Cache, capsys: pytest.CaptureFixture[str]
) -> None:
    lts = named("lts")
    assert set(fetched(cache, *ARCHES, kernel=lts).releases) == set(ARCHES)
    mirror.loses("s390x")
    found = fetched(cache, *ARCHES, kernel=lts, update=True)
    assert set(found.refused) == {"s390x"}
    assert "images/packages" not in capsys.readouterr().err


def refused_by_setup(cache: Cache, *, offline: bool = False) -> str:
    """Return what `prepare` says of s390x; there is no tool root, and none is made."""
    with pytest.raises(SetupError) as raised:
        setup.prepare(cache, CURRENT, ["s390x"], offline=offline)
    return raised.value.message


def test_a_reason_is_believed_for_a_day_and_offline_for_ever(
    mirror: Mirror, home: Path, cache: Cache, capsys: pytest.CaptureFixture[str]
) -> None:
    mirror.refuses("s390x", mirrors.OUT_OF_STEP)
    told = asked_by_command(home, "--update")["current", "s390x"]
    assert told["answer"]["reason"].startswith("Failed to fetch")
    path, questions = cache.root / "kernels" / "current.resolutions", len(mirror.asked())
    root = tool_root.path(cache)
    root.mkdir(parents=True)

    def age(days: float) -> None:
        document = json.loads(path.read_text())
        document["s390x"]["asked"] = (now() - timedelta(days=days)).isoformat()
        path.write_text(json.dumps(document))

    def lacking(*, offline: bool = False, update: bool = False, again: bool = False) -> bool:
        """Return whether apt was asked."""
        before = len(mirror.asked())
        try:
            setup.available(cache, CURRENT, ["s390x"], offline=offline, update=update, again=again)
        except SetupError as error:
            # The tool root of this test is empty: nothing starts in it.
            assert "sandbox" in str(error) or "bwrap" in str(error)
        return len(mirror.asked()) > before

    assert not lacking()
    assert lacking(again=True)
    assert lacking(update=True)
    age(0.9)
    assert not lacking()
    age(1.1)
    assert not lacking(offline=True)
    assert lacking()
    # It was asked again, and that is remembered.
    assert not lacking()
    # An old reason is better than none where apt cannot be asked.
    age(1.1)
    mirror.refuses("s390x", mirrors.NO_NETWORK)
    assert lacking()
    assert "apt could not be asked again: package lists of trixie-backports" in capsys.readouterr().err
    with pytest.raises(SetupError, match="Could not connect"):
        setup.available(cache, CURRENT, ["s390x"], again=True)
    questions += 2
    mirror.refuses("s390x", mirrors.OUT_OF_STEP)
    age(-1)
    assert lacking(), "a time that is to come is no time at which apt was asked"
    assert len(mirror.asked()) == questions + 4


def test_what_was_never_asked_is_no_refusal_offline(mirror: Mirror, cache: Cache) -> None:
    said = refused_by_setup(cache, offline=True)
    assert "kernel current for s390x is not in the cache, and --offline forbids" in said
    assert mirror.asked() == []


def test_the_command_asks_only_when_it_is_told_to(
    mirror: Mirror, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = asked_by_command(home)
    assert mirror.asked() == []
    assert not (home / "cache").exists()
    assert {(name, arch) for name, kernel in catalogue().items() for arch in kernel.flavours} == set(found)
    assert all(one["answer"] is None and one["release"] is None for one in found.values())
    assert "not asked yet: lazymmu kernels --update" in capsys.readouterr().out

    mirror.refuses("s390x", mirrors.EXPIRED)
    found = asked_by_command(home, "--update")
    assert found["next", "arm64"]["version"] == mirrors.VERSION
    assert not found["next", "arm64"]["locked"]
    assert "is expired" in found["next", "s390x"]["answer"]["reason"]
    shown = capsys.readouterr().out
    assert "s390x   does not resolve: Release file for http://mirror" in shown
    assert "arm64   Linux 7.3.4+deb13-cloud-arm64 (7.3.4-1~bpo13+1), not in the cache" in shown
    # A look locks nothing: a run must not have to fetch a newer kernel for it.
    assert not list((home / "cache" / "lazymmu" / "kernels").glob("*.json"))
    assert asked_by_command(home) == found


def test_a_kernel_that_is_there_says_itself_whether_it_has_the_api(home: Path, cache: Cache) -> None:
    root = tool_root.path(cache)
    lock = {arch: {"release": f"7.0-{arch}", "version": "7.0-1", "packages": []} for arch in ("arm64", "s390x")}
    (cache.root / "kernels").mkdir(parents=True)
    (cache.root / "kernels" / "current.json").write_text(json.dumps(lock))
    for arch, config in (("arm64", "CONFIG_MMU=y\n"), ("s390x", "CONFIG_ARCH_HAS_LAZY_MMU_MODE=y\n")):
        image = root / "lazymmu" / "kernels" / f"7.0-{arch}_7.0-1.{architectures()[arch].boot_image}"
        image.parent.mkdir(parents=True, exist_ok=True)
        image.write_bytes(b"image")
        auto = root / "usr/src" / f"linux-headers-7.0-{arch}" / "include/config/auto.conf"
        auto.parent.mkdir(parents=True)
        auto.write_text(config)
    found = asked_by_command(home)
    said = {arch: (found["current", arch]["native"], found["current", arch]["native_from"]) for arch in ARCHES}
    assert said == {"arm64": (False, "headers"), "s390x": (True, "headers"), "x86_64": (True, "catalogue")}
    assert found["current", "arm64"]["cached"]
    assert not found["current", "x86_64"]["cached"]


@pytest.mark.parametrize("name", catalogue())
def test_the_catalogue_says_of_each_kernel_what_its_headers_say(name: str) -> None:
    cache, kernel = Cache(default_root(), Progress()), named(name)
    root, locked = tool_root.path(cache), kernels.locked(cache, kernel)
    found = {arch: kernels.installed_kernel(root, kernel, arch, release) for arch, release in locked.items()}
    said = {
        arch: kernel_listing.has_native(root, one) for arch, one in found.items() if isinstance(one, InstalledKernel)
    }
    if not said:
        pytest.skip(f"{name} is not in this cache")
    assert said == {arch: arch in kernel.native for arch in said}


def test_only_the_words_of_apt_make_a_refusal() -> None:
    assert refusal(SetupError("mmdebstrap is not installed")) is None
    assert refusal(ToolError("x", output="Killed\n")) is None
    assert refusal(NotThereError("no package x")) == "no package x"
    many = "".join(f"E: reason  {number}\n" for number in (1, 1, 2, 3))
    assert refusal(ToolError("x", output=many)) == "reason 1; reason 2"


def test_the_doctor_tells_of_each_kernel_and_a_refusal_blocks_only_where_nothing_is_left(
    mirror: Mirror, home: Path
) -> None:
    mirror.refuses("s390x", mirrors.OUT_OF_STEP)
    asked_by_command(home, "--update")
    both = ["--kernel", "lts", "--kernel", "current"]

    def told(*flags: str) -> dict[str, Any]:
        main(["doctor", "--json", str(home / "doctor.json"), *flags])
        checks = json.loads((home / "doctor.json").read_text())["checks"]
        assert len({check["name"] for check in checks}) == len(checks), "a check is known by its name"
        return {check["name"]: check for check in checks}

    check = told(*both)["kernel current s390x"]
    assert (check["state"], check["blocks"], check["next"]) == ("note", False, "lazymmu setup --kernel current")
    assert check["found"].startswith("kernel current does not resolve for s390x: Failed to fetch")
    assert {"kernel lts s390x", "module arm64 current", "accelerator x86_64 current"} <= told(*both).keys()
    assert "module s390x current" not in told(*both)
    cache = Cache(home / "cache" / "lazymmu", Progress())
    there = {
        arch: InstalledKernel("current", Release("7", "7-1", ()), home, "/headers") for arch in ("arm64", "x86_64")
    }
    refused = read_cache_state(cache, CURRENT, offline=False).refused
    assert list(refused) == ["s390x"]
    # A run has nothing to fetch where the rest is there.
    assert not CacheState(cache, CURRENT, False, root_present=True, installed=there, refused=refused).must_fetch
    assert CacheState(cache, CURRENT, False, root_present=True, installed=there).must_fetch
    for arch in ("arm64", "amd64"):
        mirror.refuses(arch, mirrors.EXPIRED)
    asked_by_command(home, "--update")
    assert told(*both)["kernel current s390x"]["blocks"]
