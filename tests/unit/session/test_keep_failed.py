# SPDX-License-Identifier: GPL-2.0-only
"""Which saved guest a user means, and what a command says if there is none."""

from pathlib import Path

import pytest
from lazymmu.cli import main
from lazymmu.session.keep_failed import Kept, _named

DEEP = {
    "label": "x/deep[depth=3] merged on arm64",
    "case": "x/deep[depth=3]",
    "arch": "arm64",
    "where": "w",
    "guest": "g",
}
OTHER = {**DEEP, "label": "x/deep[depth=3] merged on s390x", "arch": "s390x", "guest": "h"}
LOST = {**DEEP, "case": "x/lost", "label": "x/lost merged on arm64", "where": "it passes", "guest": ""}


def test_a_saved_guest_is_named_by_label_case_or_scenario_and_architecture() -> None:
    assert _named([DEEP, LOST], None, None, "DIR") is DEEP
    for case in (DEEP["case"], "x/deep"):
        assert _named([DEEP, OTHER], case, "s390x", "DIR") is OTHER
    assert _named([DEEP, OTHER], DEEP["label"], None, "DIR") is DEEP


@pytest.mark.parametrize(
    ("kept", "case", "words"),
    [
        ([], None, "DIR has no saved guest"),
        ([LOST], None, "x/lost merged on arm64: it passes"),
        ([DEEP, OTHER], "x/deep", "several saved guests"),
        ([DEEP, OTHER], "x/no", "no saved guest of x/no"),
    ],
)
def test_a_name_that_means_no_guest_or_several_gets_a_list(
    kept: list[dict[str, str]], case: str | None, words: str
) -> None:
    with pytest.raises(Exception, match=words.replace("[", r"\[")):
        _named(kept, case, None, "DIR")


def test_a_note_says_how_to_enter_the_guest_or_why_there_is_none() -> None:
    kept = Kept(0, "x merged on arm64", "x", "arm64", "before step 2")
    assert kept.note(Path("out")) == "not kept: x merged on arm64: before step 2"
    saved = Kept(0, "x merged on arm64", "x", "arm64", "before step 2", "roots/y")
    assert saved.note(Path("out")).endswith("lazymmu gdb --from out 'x merged on arm64'")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["run", "nesting/single", "--core"], "--core writes cores of kept guests: it needs --keep-failed"),
        (["gdb", "--arch", "arm64", "--at", "1"], "SCENARIO is missing"),
        (["gdb", "nesting/single", "--arch", "arm64"], "--at STEP is missing"),
        (["gdb", "--from", "no-such", "--at", "0"], "--at and --from cannot be given together"),
        (["gdb", "--from", "no-such", "--kernel", "lts"], "--kernel and --from cannot be given together"),
        (["gdb", "--from", "no-such", "--api", "merged"], "--api and --from cannot be given together"),
        (["gdb", "--from", "no-such"], "--from `no-such` is not the results folder of a run"),
        (["shell"], "ARCH is missing"),
        (["shell", "--from", "no-such", "--qemu-arg", "x"], "--qemu-arg and --from cannot be given together"),
        (["drgn", "no-such", "-c", "1", "--", "x"], "-c and a script after -- cannot be given together"),
    ],
)
def test_wrong_usage_is_refused(words: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert says in capsys.readouterr().err
