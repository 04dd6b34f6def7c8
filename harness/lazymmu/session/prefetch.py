# SPDX-License-Identifier: GPL-2.0-only
"""Starts questions to the host, each a process or two, before a command needs the answers.

At the end of the program nothing waits for an answer: the processes die with their threads.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

from lazymmu.provision import tool_root
from lazymmu.provision.sandbox import Sandbox, choose
from lazymmu.session import requests

T = TypeVar("T")


def asked(question: Callable[[], T]) -> Callable[[], T]:
    """Ask in a new thread; return a function that waits for the answer, and raises what the question raised."""
    answer: Future[T] = Future()

    def ask() -> None:
        try:
            answer.set_result(question())
        except BaseException as error:  # noqa: BLE001  (raised again where the answer is needed)
            answer.set_exception(error)

    threading.Thread(target=ask, name="prefetch", daemon=True).start()
    return answer.result


def sandbox() -> Callable[[Path], Sandbox]:
    """Start to try sandboxes in the tool root; return a function like `choose` that uses the answer."""
    tried = asked(_tried)

    def answer(root: Path) -> Sandbox:
        found = tried()
        return found if found is not None and found.root == root else choose(root)

    return answer


def _tried() -> Sandbox | None:
    """Return the sandbox that works here; None if there is no tool root yet."""
    root = tool_root.path(requests.cache())
    return choose(root) if root.is_dir() else None
