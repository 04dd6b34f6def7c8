# SPDX-License-Identifier: GPL-2.0-only
"""A channel log holds complete lines with the host's time. A full disk ends the log, and nothing else."""

import re
from pathlib import Path

import pytest
from lazymmu.guests.channel_log import ChannelLog
from lazymmu.support.errors import LazymmuError


def test_each_line_has_time_and_direction_and_pieces_are_joined(tmp_path: Path) -> None:
    path, failures = tmp_path / "x.log", list[LazymmuError]()
    with ChannelLog(path, failures) as log:
        log.add("<", b"one\ntw")
        log.add(">", b"run 1\n")
        log.add("<", b"o\nno end")
    text = re.sub(r"(?m)^\d\d:\d\d:\d\d\.\d{6} ", "TIME ", path.read_text())
    assert text == "TIME < one\nTIME > run 1\nTIME < two\nTIME < no end\n"
    assert not failures


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this host has no /dev/full")
def test_a_full_disk_is_reported_once_and_disturbs_nobody(tmp_path: Path) -> None:
    path, failures = tmp_path / "x.log", list[LazymmuError]()
    path.symlink_to("/dev/full")
    with ChannelLog(path, failures) as log:
        log.add("<", b"one\n")
        log.add("<", b"two\n")
    (failure,) = failures
    assert f"no space left in {tmp_path}: " in str(failure)
    assert "lazymmu clean" in str(failure)
    assert "--out DIR" in str(failure)


def test_a_log_that_cannot_be_created_is_named(tmp_path: Path) -> None:
    failures = list[LazymmuError]()
    with ChannelLog(tmp_path, failures) as log:
        log.add("<", b"one\n")
    assert str(failures[0]).startswith(f"{tmp_path} could not be written: Is a directory")
