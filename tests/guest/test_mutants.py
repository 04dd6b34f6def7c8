# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu mutants`: it kills mutants, it reports one that survives, and the normal module has none."""

import json
from pathlib import Path

import pytest
from lazymmu.session.mutants import NONE, variant

from tests.guest import machines
from tests.guest.conftest import Lazymmu

# Mutants of several parts of the module, and where they are killed
SAMPLE = {
    "NESTED_DISABLE_NO_FLUSH": {"s390x", "x86_64"},
    "BH_DISABLED_IS_NO_INTERRUPT": {"s390x", "x86_64"},
    "PAUSE_DROPS_RANGE": {"s390x"},
    "SLEEPS_WITH_IRQS_OFF": {"s390x", "x86_64"},
    "MEANWHILE_SWITCHES": {"s390x", "x86_64"},
    # Neither guest has these personalities: they share them.
    "XEN_SWITCH_OUT_PAUSES_NOTHING": {"x86_64"},
    "BATCH_OF_191": {"x86_64"},
}
NOTICING = (
    "nesting/two-levels",
    "interrupts/bottom-halves-disabled",
    "parameters/pause-and-the-range",
    "sleeping/in-every-context",
    "two-cpus/meanwhile-is-no-switch",
    "tasks/xen-paused-while-away",
    "batching/ppc64-192",
)


def test_a_sample_of_mutants_is_killed(lazymmu: Lazymmu, tmp_path: Path) -> None:
    path = tmp_path / "mutants.json"
    flags = [word for name in SAMPLE for word in ("--mutant", name)]
    # The smallest part of the library that notices all of them
    where = [*NOTICING, "--arch", "s390x", "--arch", "x86_64"]
    done = lazymmu("mutants", *flags, *where, "--json", str(path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(SAMPLE)} of {len(SAMPLE)} mutants killed" in done.stdout
    told = {entry["mutant"]: entry for entry in json.loads(path.read_text())["mutants"]}
    assert {*told} == {*SAMPLE}
    for name, entry in told.items():
        assert entry["killed"]
        assert entry["errors"] == []
        assert {arch for found in entry["killers"].values() for arch in found} == SAMPLE[name]


def test_a_mutant_that_no_scenario_notices_survives(lazymmu: Lazymmu) -> None:
    done = lazymmu("mutants", "--mutant", "NESTED_DISABLE_NO_FLUSH", "nesting/single", "--arch", "s390x")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "SURVIVED  NESTED_DISABLE_NO_FLUSH: a nested disable calls no hook" in done.stdout
    assert "scenarios that notice none of these: nesting/single" in done.stdout


@pytest.mark.parametrize(
    "arch", ["x86_64", *(pytest.param(arch, marks=pytest.mark.exhaustive) for arch in ("arm64", "s390x"))]
)
def test_only_the_build_with_mutants_has_them(arch: str) -> None:
    assert b"mutant" not in machines.build(arch).read_bytes()
    assert b"NESTED_DISABLE_NO_FLUSH" in machines.build(arch, variant=variant(NONE)).read_bytes()
