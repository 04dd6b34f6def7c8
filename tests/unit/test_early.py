# SPDX-License-Identifier: GPL-2.0-only
"""What is asked early has its answer where it is needed, and its error too."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from harness.commands import early
from harness.core.errors import SetupError
from harness.images import toolroot
from harness.images.cache import Cache
from harness.images.progress import Progress


def test_to_ask_does_not_wait_and_the_answer_does() -> None:
    asked, answered = threading.Event(), threading.Event()

    def question() -> int:
        asked.set()
        answered.wait(30)
        return 7

    answer = early.asked(question)
    assert asked.wait(30)
    answered.set()
    assert (answer(), answer()) == (7, 7)


def test_an_error_is_raised_where_the_answer_is_needed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    root = toolroot.path(Cache(tmp_path / "lazymmu", Progress()))
    # There is a tool root by its name, in which nothing runs.
    root.mkdir(parents=True)
    sandbox = early.sandbox()
    with pytest.raises(SetupError, match="no way to run programs in the tool root works here"):
        sandbox(root)


def test_a_tool_root_that_comes_to_be_later_is_tried_then(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    sandbox = early.sandbox()
    with pytest.raises(SetupError, match="no way to run programs"):
        sandbox(tmp_path)
