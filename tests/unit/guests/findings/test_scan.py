# SPDX-License-Identifier: GPL-2.0-only
"""What holds for every text: prefixes do not matter, floods cost no more than their size, and nothing raises."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lazymmu.guests.findings.finding import Finding, Severity
from lazymmu.guests.findings.scan import findings_in

from tests.unit.guests.findings.corpus import LOGS, text

GUESTS = [log for log in LOGS if not log.name.startswith(("written-", "qemu-"))]
_PREFIX = re.compile(r"^\[ *(\d+\.\d+)\] ", re.MULTILINE)
_PIECES = sorted({line for log in LOGS for line in text(log).split("\n") if "[ cut here" in line or "BUG" in line})


def _summary(findings: tuple[Finding, ...]) -> list[tuple[str, str, int]]:
    return [(finding.kind, finding.title, finding.line) for finding in findings]


def _log(name: str) -> str:
    return text(next(log for log in LOGS if log.stem == name))


@pytest.mark.parametrize("log", GUESTS, ids=lambda log: log.stem)
@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda log: _PREFIX.sub("", log), id="no time, as records of the log"),
        pytest.param(lambda log: _PREFIX.sub(r"[\1][  T123] ", log), id="with the thread"),
        pytest.param(lambda log: _PREFIX.sub(r"<4>[ \1] [ C0] ", log), id="with level and CPU"),
        pytest.param(lambda log: _PREFIX.sub("\ufffd\ufffd<6>", log), id="invalid bytes and a level"),
        pytest.param(lambda log: _PREFIX.sub("half a line of init[ 1.000000] ", log), id="in another's line"),
        pytest.param(lambda log: log.replace("\r", ""), id="no carriage returns"),
        pytest.param(lambda log: log.replace("\n", "\x1b[0m\r\r\n"), id="terminal codes"),
    ],
)
def test_prefixes_and_line_ends_make_no_difference(log: Path, change: Callable[[str], str]) -> None:
    assert _summary(findings_in(change(text(log)))) == _summary(findings_in(text(log)))


@pytest.mark.parametrize("log", GUESTS, ids=lambda log: log.stem)
def test_a_log_that_is_cut_off_keeps_its_earlier_findings(log: Path) -> None:
    whole = _summary(findings_in(text(log)))
    lines = text(log).split("\n")
    for end in range(0, len(lines), 7):
        part = _summary(findings_in("\n".join(lines[:end])))
        # The last one may not have been named yet.
        assert part[:-1] == whole[: max(0, len(part) - 1)]


def test_a_panic_after_an_oops_does_not_hide_it() -> None:
    first, second = findings_in(_log("oops-x86_64"))
    assert (first.kind, first.severity, second.kind, second.severity) == (
        "null-dereference",
        Severity.ERROR,
        "panic",
        Severity.FATAL,
    )
    assert "Oops: Oops: 0002" in first.text
    assert "Kernel panic" not in first.text


def test_a_flood_without_newlines_does_not_hide_what_follows_it() -> None:
    (one,) = findings_in("x" * 5_000_000 + "[    1.000000] Kernel panic - not syncing: after all")
    assert one.title == "kernel panic: after all"


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
def test_harmless_lines_are_no_findings(line: str) -> None:
    assert findings_in(f"{line}\n[    1.000000] {line}\n") == ()


def test_a_title_leaves_out_what_changes_from_run_to_run() -> None:
    (one,) = findings_in(
        "[ 1.000000] Internal error: odd at ffff800081e8b600 by f+0x10/0x20, 0x00000010: 0000000096000046 [#1]"
    )
    assert one.title == "oops: odd at ADDRESS by f, 0x10"


FLOODS = {
    "plain lines": "[    1.000000] a line of no importance, and some more text\n",
    "warnings": _log("goes-on-arm64"),
    "openings": "------------[ cut here ]------------\n",
    "rules": "=" * 60 + "\n",
    "headlines": "BUG: kernel NULL pointer dereference, address: 0000000000000000\n",
    "no newline": "BUG: KASAN: Oops: qemu-system-x86_64: ",
    "brackets": "[[[[[[[[[[    1.[    1.00000[",
    "escapes": "\x1b[0;0;0;0;0;0;0;0",
    "spaces": "          ",
    "empty lines": "\n",
    "digits": "1234567890abcdef",
    "a trace that never ends": "[    1.000000]  func+0x10/0x20\n",
}


def _seconds(flood: str) -> float:
    def once() -> float:
        begin = time.process_time()
        findings_in(flood)
        return time.process_time() - begin

    return min(once() for _ in range(2))


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_costs_no_more_than_its_size(name: str) -> None:
    head = "Kernel panic - not syncing: flood\n" if name.startswith("a trace") else ""
    small, large = (head + FLOODS[name] * (size // len(FLOODS[name])) for size in (50_000, 800_000))
    # Sixteen times the text; quadratic work would take 256 times as long, and a busy host not four times.
    assert _seconds(large) < 64 * max(_seconds(small), 0.001)


@given(st.lists(st.one_of(st.text(max_size=60), st.sampled_from(_PIECES)), max_size=20).map("\n".join))
def test_any_text_gives_findings_in_order(any_text: str) -> None:
    findings = findings_in(any_text)
    lines = [finding.line for finding in findings]
    assert lines == sorted(set(lines))
    for finding in findings:
        assert 1 <= finding.line <= any_text.count("\n") + 1
        assert finding.kind
        assert finding.title.isprintable()
        assert finding.text


@given(st.binary(max_size=400))
def test_any_bytes_are_taken(data: bytes) -> None:
    findings_in(data.decode(errors="replace"))
