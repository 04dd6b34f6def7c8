# SPDX-License-Identifier: GPL-2.0-only
"""Starts questions to the host, each a process or two, before a command needs the answers.

At the end of the program nothing waits for an answer: the processes die with their threads.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

from msgspec.structs import replace

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
    """Start to try sandboxes; return a function like `choose` that uses the answer."""
    # It shows what the host allows, so any folder will do.
    tried = asked(lambda: choose(requests.cache().root))

    def answer(root: Path) -> Sandbox:
        found = replace(tried(), root=root)
        if root.is_dir():
            found.equip()
        return found

    return answer
