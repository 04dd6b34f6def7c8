# SPDX-License-Identifier: GPL-2.0-only
"""What a command asks the host before it needs the answer: that takes a process or two, and Python works meanwhile.

Nobody waits for an answer that is not needed any more: what still runs dies with its thread, and so with us.
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
    """Ask in a thread of its own, and return what waits for the answer; it raises what the question does."""
    answer: Future[T] = Future()

    def ask() -> None:
        try:
            answer.set_result(question())
        except BaseException as error:  # noqa: BLE001  (is raised where the answer is needed)
            answer.set_exception(error)

    threading.Thread(target=ask, name="early", daemon=True).start()
    return answer.result


def sandbox() -> Callable[[Path], Sandbox]:
    """Try how programs run in the tool root; return what gives the answer, as `choose` does."""
    tried = asked(_tried)

    def answer(root: Path) -> Sandbox:
        found = tried()
        return found if found is not None and found.root == root else choose(root)

    return answer


def _tried() -> Sandbox | None:
    """Return what works here, None while there is no tool root to try it with."""
    root = tool_root.path(requests.cache())
    return choose(root) if root.is_dir() else None
