# SPDX-License-Identifier: GPL-2.0-only
"""Reports of KUnit suites in a kernel's log: what counts as passed, failed and skipped, and what is not complete."""

import pytest
from lazymmu.protocol import kunit_report
from lazymmu.support.errors import GuestError

LOG = """\
other: a message of the kernel
    KTAP version 1
    # Subtest: lazy
    # module: lazy_kunit
    1..3
    ok 1 first
    # second: EXPECTATION FAILED at mm/tests/lazy.c:14
    Expected is_lazy_mmu_mode_active() to be true, but is false
    not ok 2 second
        KTAP version 1
        # Subtest: third
        ok 1 one of its parameters
    # third: pass:1 fail:0 skip:0 total:1
    ok 3 third # SKIP not here
# lazy: pass:1 fail:1 skip:1 total:3
# Totals: pass:1 fail:1 skip:1 total:3
not ok 1 lazy
other: a later message
"""


def lines(text: str = LOG) -> list[str]:
    return text.splitlines()


def test_a_suite_has_the_results_of_its_tests_and_what_they_printed() -> None:
    report = kunit_report.parse(lines(), "lazy")
    assert [(test.name, test.passed, test.skipped) for test in report.tests] == [
        ("first", True, None),
        ("second", False, None),
        ("third", True, "not here"),
    ]
    assert report.tests[1].lines == (
        "# second: EXPECTATION FAILED at mm/tests/lazy.c:14",
        "Expected is_lazy_mmu_mode_active() to be true, but is false",
    )
    assert not report.suite.passed
    # It can stand in another report: its plan comes first, and what is no KTAP is a comment.
    assert report.ktap[:4] == ("KTAP version 1", "# Subtest: lazy", "# module: lazy_kunit", "1..3")
    assert "# Expected is_lazy_mmu_mode_active() to be true, but is false" in report.ktap
    assert report.ktap[-1] == "# Totals: pass:1 fail:1 skip:1 total:3"


def test_a_suite_may_be_skipped_as_a_whole_and_has_any_number() -> None:
    report = kunit_report.parse(
        ["    KTAP version 1", "    # Subtest: lazy", "    1..2", "ok 7 lazy # SKIP no"], "lazy"
    )
    assert (report.suite.passed, report.suite.skipped, report.tests) == (True, "no", ())


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (LOG, "", "it did not begin"),
        ("Subtest: lazy", "Subtest: other", "it did not begin"),
        ("not ok 1 lazy\n", "", "it did not end; 3 of 3 planned tests did"),
        ("not ok 1 lazy\n", "not ok 1 other\n", "it did not end"),
        ("    ok 3 third # SKIP not here\n", "", "2 of 3 planned tests ended"),
        ("    ok 1 first\n", "", "test 2 came after 0 tests"),
        ("    1..3\n", "", "3 of no planned tests ended"),
        ("not ok 1 lazy\n", "ok 1 lazy\n", "it says `ok 1 lazy`, and its tests say otherwise"),
        ("    not ok 2", "    ok 2", "it says `not ok 1 lazy`, and its tests say otherwise"),
    ],
)
def test_a_report_that_is_not_complete_is_an_error(old: str, new: str, message: str) -> None:
    assert old in LOG
    with pytest.raises(GuestError, match="the report of KUnit suite lazy is incomplete: ") as error:
        kunit_report.parse(lines(LOG.replace(old, new)), "lazy")
    assert message in str(error.value)


def test_every_cut_of_a_report_is_an_error() -> None:
    whole = lines()
    for end in range(len(whole) - 1):
        with pytest.raises(GuestError):
            kunit_report.parse(whole[:end], "lazy")
    assert kunit_report.parse(whole[:-1], "lazy").tests
