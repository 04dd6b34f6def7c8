# SPDX-License-Identifier: GPL-2.0-only
"""Runs with a newer kernel beside the usual one, and machines that are not available."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from lazymmu.architecture import default_names
from lazymmu.provision import kernels, lock, setup
from lazymmu.provision.cache import Cache
from lazymmu.provision.catalogue import kernel
from lazymmu.provision.kernels import Resolution, now
from lazymmu.provision.keys import default_root
from lazymmu.provision.lock import Part
from lazymmu.provision.progress import Progress
from lazymmu.scenario import load
from lazymmu.support.project import LIBRARY

from tests.guest.conftest import Lazymmu, skip_unless_resolved

KERNELS = ("--kernel", "lts", "--kernel", "current")


def of_machine(document: dict[str, Any]) -> dict[str, list[tuple[str, str]]]:
    """Return machine -> outcome and reason of each of its results."""
    found: dict[str, list[tuple[str, str]]] = {}
    for one in document["results"]:
        name = one["arch"] if one["kernel"] == "lts" else f"{one['arch']} {one['kernel']}"
        found.setdefault(name, []).append((one["outcome"], one["reason"]))
    return found


def test_a_run_on_two_kernels_tells_their_machines_apart(lazymmu: Lazymmu, tmp_path: Path) -> None:
    out, suites = tmp_path / "out", tmp_path / "suites.xml"
    flags = ("--arch", "arm64", "--arch", "x86_64", "--api", "merged", "--impl", "module")
    done, document = lazymmu.run("nesting/two-levels", *KERNELS, *flags, "--out", str(out), "--junit", str(suites))
    skip_unless_resolved(document)
    assert done.returncode == 0, done.stdout + done.stderr
    machines = ["arm64", "arm64 current", "x86_64", "x86_64 current"]
    passed = {name: [end[0] for end in ends] for name, ends in of_machine(document).items()}
    assert passed == {name: ["pass"] * len(passed["arm64"]) for name in machines}
    assert sorted(document["accelerators"]) == machines
    releases = {(one["kernel"], one["release"].partition(".")[0]) for one in document["results"]}
    assert {kernel for kernel, _ in releases} == {"lts", "current"}
    assert {major for kernel, major in releases if kernel == "current"} <= {"7", "8", "9"}
    facts = json.loads((out / "run.json").read_text())
    assert {name: facts["kernels"][name]["name"] for name in machines} == {
        name: "current" if "current" in name else "lts" for name in machines
    }
    logs = {path.name for path in (out / "guests").iterdir()}
    assert {f"{name.replace(' ', '-')}-1.console.log" for name in machines} <= logs
    assert [suite.get("name") for suite in ElementTree.parse(suites).getroot()] == machines  # noqa: S314  (our own)
    assert all(f"{name}: {facts['accelerators'][name]['name']} (" in done.stdout for name in machines)


@pytest.fixture
def refusing(tmp_path: Path) -> dict[str, str]:
    """The environment with a cache for which apt refused kernel `next`, and `lts` for s390x; the rest is the user's."""
    cache = Cache(default_root(), Progress())
    setup.prepare(cache, kernel("lts"), default_names())
    copy = Cache(tmp_path / "cache", Progress())
    # A part for another flavour hides the project's.
    file = lock.path(lock.users(copy.root), lock.host_architecture(), "s390x", "lts")
    file.parent.mkdir(parents=True)
    file.write_text(lock.text(Part("trixie", "2999-01-01", ("another",), ())))
    # The locks, too: entries in the shared folders need the same locks.
    for name in ("roots", "packages", "locks", "symbols", "kvm"):
        (cache.root / name).mkdir(exist_ok=True)
        (copy.root / name).symlink_to(cache.root / name)
    refusal = Resolution(now(), reason="Release file is expired")
    kernels.remember(copy, kernel("lts"), {"s390x": refusal})
    kernels.remember(copy, kernel("next"), dict.fromkeys(default_names(), refusal))
    return {"LAZYMMU_CACHE": str(copy.root)}


def run(lazymmu: Lazymmu, target: Path, environment: dict[str, str], *flags: str) -> tuple[int, dict[str, Any], str]:
    words = ("run", "nesting/single", "--api", "merged", "--offline", "--json", str(target))
    done = lazymmu(*words, *flags, extra=environment)
    return done.returncode, json.loads(target.read_text()) if target.exists() else {}, done.stdout + done.stderr


def test_a_machine_that_is_not_available_is_skipped_with_apts_reason(
    lazymmu: Lazymmu, refusing: dict[str, str], tmp_path: Path
) -> None:
    status, document, said = run(lazymmu, tmp_path / "run.json", refusing)
    assert status == 0, said
    ends = of_machine(document)
    assert {name: {outcome for outcome, _ in found} for name, found in ends.items()} == {
        "arm64": {"pass"},
        "s390x": {"skip"},
        "x86_64": {"pass"},
    }
    reason = (
        "guests for s390x are not available: kernel lts does not resolve for s390x: Release file is expired (asked 20"
    )
    assert ends["s390x"][0][1].startswith(reason)
    assert sorted(document["accelerators"]) == ["arm64", "x86_64"]
    assert "Release file is expired" in said


@pytest.mark.parametrize(
    ("flags", "outcome", "status"),
    [
        (("--arch", "s390x"), "error", 3),
        # Nothing of the kernel that was asked for is left.
        (("--kernel", "next"), "error", 3),
        # It may not be skipped: but for git it says nothing of a commit.
        (("--kernel", "next", "--bisect"), "error", 125),
        (("--impl", "native"), "skip", 2),
        (("--impl", "native", "--kernel", "lts"), "error", 3),
    ],
)
def test_what_was_asked_for_by_name_is_an_error(
    lazymmu: Lazymmu, refusing: dict[str, str], tmp_path: Path, flags: tuple[str, ...], outcome: str, status: int
) -> None:
    if "native" in flags and not load(["nesting/single"], LIBRARY)[0].native:
        pytest.skip("no scenario applies natively yet")
    found, document, said = run(lazymmu, tmp_path / "run.json", refusing, *flags)
    assert found == status, said
    assert {end for ends in of_machine(document).values() for end, _ in ends} == {outcome}
    assert document["accelerators"] == {}
