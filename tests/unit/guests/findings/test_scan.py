# SPDX-License-Identifier: GPL-2.0-only
"""The scan accepts any text: prefixes do not matter, and its time grows with the text's length only."""

import re
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lazymmu.guests.findings.scan import findings_in

from tests.unit.guests.findings.corpus import LOGS, log_text, text

GUESTS = [log for log in LOGS if not log.name.startswith(("written-", "qemu-"))]
_PREFIX = re.compile(r"^\[ *(\d+\.\d+)\] ", re.MULTILINE)
_PIECES = sorted({line for log in LOGS for line in text(log).split("\n") if "[ cut here" in line or "BUG" in line})


def _summary(console: str) -> list[tuple[str, str, int]]:
    return [(finding.kind, finding.title, finding.line) for finding in findings_in(console)]


@cache
def _unchanged(log: Path) -> list[tuple[str, str, int]]:
    return _summary(text(log))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda log: _PREFIX.sub("", log), id="no time, as in records of the log"),
        pytest.param(lambda log: _PREFIX.sub(r"[\1][  T123] ", log), id="with the thread"),
        pytest.param(lambda log: _PREFIX.sub(r"<4>[ \1] [ C0] ", log), id="with level and CPU"),
        pytest.param(lambda log: _PREFIX.sub("\ufffd\ufffd<6>", log), id="invalid bytes and a level"),
        pytest.param(lambda log: _PREFIX.sub("half a line of init[ 1.000000] ", log), id="in another line"),
        pytest.param(lambda log: log.replace("\r", ""), id="no carriage returns"),
        pytest.param(lambda log: log.replace("\n", "\x1b[0m\r\r\n"), id="terminal codes"),
    ],
)
def test_prefixes_and_line_ends_make_no_difference(
    change: Callable[[str], str], everyday_or_all: Callable[[int, int], int]
) -> None:
    for log in GUESTS[:: everyday_or_all(3, 1)]:
        assert _summary(change(text(log))) == _unchanged(log), log.stem


@pytest.mark.parametrize("name", ["goes-on-arm64", "hung-task-s390x", "oom-x86_64", "written-traps-arm64"])
def test_a_log_that_is_cut_off_keeps_its_earlier_findings(name: str) -> None:
    whole = _summary(log_text(name))
    lines = log_text(name).split("\n")
    for end in range(0, len(lines), 5):
        # The last line may not name its finding yet.
        part = _summary("\n".join(lines[:end]))[:-1]
        assert part == whole[: len(part)]


def test_a_panic_does_not_hide_the_oops_before_it() -> None:
    oops, panic = findings_in(log_text("oops-x86_64"))
    assert (oops.kind, oops.severity, panic.kind, panic.severity) == ("null-dereference", "error", "panic", "fatal")
    assert "Oops: Oops: 0002" in oops.text
    assert "Kernel panic" not in oops.text


def test_a_flood_without_newlines_does_not_hide_the_line_after_it() -> None:
    (panic,) = findings_in("x" * 1_000_000 + "[    1.000000] Kernel panic - not syncing: after all")
    assert panic.title == "kernel panic: after all"


def test_the_same_line_twice_is_two_findings() -> None:
    head = "Unable to handle kernel NULL pointer dereference at virtual address 0000000000000010\nMem abort info:\n"
    assert [finding.kind for finding in findings_in(head + head)] == ["null-dereference"] * 2


@pytest.mark.parametrize(
    "line",
    [
        "lazymmu: program line 3: BUG: soft lockup",
        "lazymmu: disagrees about version of symbol module_layout",
        "WARNING: Spectre v2 mitigation leaves CPU vulnerable",
        "qemu-system-s390x: warning: 'msa5-base' requires 'kimd-sha-512'.",
        "=" * 70,
        "---[ end trace 0000000000000000 ]---",
        "---[ end Kernel panic - not syncing: x ]---",
    ],
)
def test_harmless_lines_are_not_findings(line: str) -> None:
    assert findings_in(f"{line}\n[    1.000000] {line}\n") == ()


def test_a_title_leaves_out_what_differs_between_runs() -> None:
    (oops,) = findings_in(
        "[ 1.000000] Internal error: odd at ffff800081e8b600 by f+0x10/0x20, 0x00000010: 0000000096000046 [#1]"
    )
    assert oops.title == "oops: odd at ADDRESS by f, 0x10"


FLOODS = {
    "plain lines": "[    1.000000] a line of no importance, and some more text\n",
    "warnings": log_text("goes-on-arm64"),
    "openings": "------------[ cut here ]------------\n",
    "rules": "=" * 60 + "\n",
    "headlines": "BUG: kernel NULL pointer dereference, address: 0000000000000000\n",
    "no newline": "BUG: KASAN: Oops: qemu-system-x86_64: ",
    "brackets": "[[[[[[[[[[    1.[    1.00000[",
    "escapes": "\x1b[0;0;0;0;0;0;0;0",
    "spaces": "          ",
    "empty lines": "\n",
    "digits": "1234567890abcdef",
    "internal errors": "Internal error: a: b: c: d: 0000000000000000 [#",
    "a trace that never ends": "[    1.000000]  func+0x10/0x20\n",
}


def _seconds(flood: str) -> float:
    def once() -> float:
        begin = time.process_time()
        findings_in(flood)
        return time.process_time() - begin

    return min(once() for _ in range(2))


@pytest.mark.parametrize("name", FLOODS)
def test_the_time_for_a_flood_grows_with_its_size(name: str, everyday_or_all: Callable[[int, int], int]) -> None:
    head = "Kernel panic - not syncing: flood\n" if name.startswith("a trace") else ""
    size = everyday_or_all(3_000, 16_000)
    small, large = (head + FLOODS[name] * (times * size // len(FLOODS[name])) for times in (1, 16))
    # The text is 16 times as long. Quadratic work would take 256 times as long, and a busy host not 4 times.
    assert _seconds(large) < 64 * max(_seconds(small), 0.001)


@given(st.lists(st.one_of(st.text(max_size=60), st.sampled_from(_PIECES)), max_size=20).map("\n".join))
def test_any_text_gives_findings_in_order(any_text: str) -> None:
    findings = findings_in(any_text)
    lines = [finding.line for finding in findings]
    assert lines == sorted(lines)
    for finding in findings:
        assert 1 <= finding.line <= any_text.count("\n") + 1
        assert finding.kind
        assert finding.title.isprintable()
        assert finding.text
