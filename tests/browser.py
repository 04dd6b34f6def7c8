# SPDX-License-Identifier: GPL-2.0-only
"""Drives a headless Chromium by its DevTools protocol, over a pair of pipes."""

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

# Seconds to wait for a page.
_PATIENCE = 60


class Browser:
    """One page of a browser."""

    def __init__(self, to: int, came: int) -> None:
        """Take the pipes to and from the browser."""
        self._to, self._from = to, os.fdopen(came, "rb")
        self._number = 0
        self._rest = b""
        self._session: dict[str, str] = {}
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = {"sessionId": self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]}
        self._ask("Page.enable")

    def _messages(self) -> Iterator[dict[str, Any]]:
        while data := self._from.read1(1 << 20):
            *whole, self._rest = (self._rest + data).split(b"\0")
            yield from map(json.loads, whole)
        pytest.fail("the browser ended")

    def _ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method, and return its result. Events that come meanwhile are dropped."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters, **self._session}
        os.write(self._to, json.dumps(message).encode() + b"\0")
        for one in self._messages():
            if one.get("id") == self._number:
                assert "error" not in one, one
                result: dict[str, Any] = one["result"]
                return result
        raise AssertionError

    def open(self, path: Path) -> float:
        """Open a page, and return the seconds until it was loaded and laid out."""
        began = time.monotonic()
        self._ask("Page.navigate", url=path.as_uri())
        # It is laid out when its height is known.
        ready = 'document.readyState === "complete" && document.body.offsetHeight > 0'
        while not self.value(ready):
            assert time.monotonic() - began < _PATIENCE, f"{path} was not loaded"
        return time.monotonic() - began

    def value(self, expression: str) -> Any:
        """Return the value of an expression in the page."""
        found = self._ask("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def scripts(self, *, run: bool) -> None:
        """Let the page run its scripts, or not."""
        self._ask("Emulation.setScriptExecutionDisabled", value=not run)

    def show_as(self, media: str = "", *, scheme: str = "light") -> None:
        """Show the page as on `screen` or `print`, in a `light` or `dark` scheme of colours."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._ask("Emulation.setEmulatedMedia", media=media, features=features)


@contextmanager
def browser() -> Iterator[Browser]:
    """Yield a browser for the length of a `with`; skip the test if there is none."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("there is no browser: install Debian's package `chromium`")
    with ExitStack() as stack:
        # The browser's helpers end, and write there, a moment after itself.
        profile = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        (theirs, to), (came, ours) = os.pipe(), os.pipe()
        flags = ["--headless", "--disable-gpu", "--no-first-run", f"--user-data-dir={profile}"]
        # The browser's own sandbox refuses root.
        flags += ["--no-sandbox"] if os.geteuid() == 0 else []
        command = [program, "--remote-debugging-pipe", *flags, "about:blank"]
        # Chromium reads from 3 and writes to 4.
        pipes = f'exec "$@" 3<&{theirs} 4>&{ours}'
        process = subprocess.Popen(
            ["bash", "-c", pipes, "bash", *command], pass_fds=(theirs, ours), stderr=subprocess.DEVNULL
        )
        stack.callback(process.wait)
        stack.callback(process.terminate)
        os.close(theirs)
        os.close(ours)
        stack.callback(os.close, to)
        yield Browser(to, came)
