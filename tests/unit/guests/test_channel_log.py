# SPDX-License-Identifier: GPL-2.0-only
"""Logs of a guest's lines: whole lines with the host's time; a full disk costs the log and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from lazymmu.guests.channel_log import ChannelLog


def test_lines_carry_time_and_direction_and_pieces_are_joined(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    with ChannelLog(path) as journal:
        journal.add("<", b"one\ntw")
        journal.add(">", b"run 1\n")
        journal.add("<", b"o\nno end")
    text = re.sub(r"(?m)^\d\d:\d\d:\d\d\.\d{6} ", "TIME ", path.read_text())
    assert text == "TIME < one\nTIME > run 1\nTIME < two\nTIME < no end\n"
    assert journal.failure is None


def test_without_a_path_nothing_is_kept(tmp_path: Path) -> None:
    with ChannelLog(None) as journal:
        journal.add("<", b"one\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this host has no /dev/full")
def test_a_full_disk_is_remembered_and_disturbs_nobody(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.symlink_to("/dev/full")
    with ChannelLog(path) as journal:
        journal.add("<", b"one\n")
        journal.add("<", b"two\n")
    assert f"no space left in {tmp_path}: " in str(journal.failure)
    assert "lazymmu clean" in str(journal.failure)
    assert "--out DIR" in str(journal.failure)


def test_a_log_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.log").mkdir()
    with ChannelLog(tmp_path / "x.log") as journal:
        journal.add("<", b"one\n")
    assert str(journal.failure).startswith(f"{tmp_path}/x.log could not be written: Is a directory")
