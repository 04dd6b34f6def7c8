# SPDX-License-Identifier: GPL-2.0-only
"""Faults made live: what the console of a guest says of them gives the findings that it should."""

import pytest
from lazymmu.guests.findings.scan import findings_in
from lazymmu.guests.findings.table import Severity

from tests.guest.faults import Faulty, faulty

_GO_ON = "sysctl.kernel.panic_on_oops=0"
_ARCHES = ("arm64", "s390x", "x86_64")


# tests/fixtures/console has logs of all architectures for every day.
@pytest.fixture(
    scope="module",
    params=[pytest.param(arch, marks=() if arch == "arm64" else pytest.mark.exhaustive) for arch in _ARCHES],
)
def guests(request: pytest.FixtureRequest) -> Faulty:
    """What one architecture's guests with the fault module are started from."""
    return faulty(str(request.param))


def test_each_fault_of_one_guest_is_found(guests: Faulty) -> None:
    console = guests.console(("warn", "bug", "oops", "panic"), _GO_ON)
    found = {finding.kind: finding for finding in reversed(findings_in(console))}
    # A BUG() may lead to a warning of its own.
    assert list(dict.fromkeys(finding.kind for finding in findings_in(console))) == [
        "warning",
        "bug",
        "null-dereference",
        "panic",
    ]
    assert found["warning"].severity is Severity.WARNING
    assert "the fault module was asked for a warning, 0" in found["warning"].title
    assert found["bug"].title.startswith("BUG in fault_bug [faults] at crashes.c:")
    assert found["null-dereference"].title == "NULL pointer dereference at 0x0 in fault_oops [faults]"
    assert found["panic"].title == "kernel panic: asked for by the fault module"


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("fault", "kinds"),
    [
        ("oops", ["null-dereference", "panic"]),
        ("bad_address", ["page-fault", "panic"]),
        ("illegal", ["illegal-instruction", "panic"]),
        ("list_corruption", ["list-corruption", "panic"]),
        ("usercopy", ["usercopy", "panic"]),
        ("stack_overflow", ["stack-overflow", "panic"]),
        ("init_killed", ["init-killed"]),
        ("oom", ["oom-kill", "oom-deadlock", "oom-panic"]),
    ],
)
def test_a_deadly_fault_is_found_with_its_panic(guests: Faulty, fault: str, kinds: list[str]) -> None:
    assert [finding.kind for finding in findings_in(guests.console((fault,)))] == kinds


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("fault", "arguments", "kind"),
    [
        ("refcount", (), "refcount"),
        ("kfence", ("kfence.sample_interval=1",), "kfence"),
        ("slab", ("slub_debug=FZ",), "slab-corruption"),
        ("scheduling_while_atomic", (), "atomic-scheduling"),
        ("hung_task", ("sysctl.kernel.hung_task_timeout_secs=2",), "hung-task"),
        ("rcu_stall", ("rcupdate.rcu_cpu_stall_timeout=3",), "rcu-stall"),
    ],
)
def test_a_fault_that_the_guest_survives_is_found(
    guests: Faulty, fault: str, arguments: tuple[str, ...], kind: str
) -> None:
    found = findings_in(guests.console((fault,), *arguments, seconds=25.0))
    assert kind in {finding.kind for finding in found}
