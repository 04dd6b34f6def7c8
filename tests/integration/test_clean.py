# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu clean` beside other processes, and as a user who may not remove everything."""

import os
import subprocess

from lazymmu.provision.cache import Cache
from lazymmu.support.project import ROOT

from tests.integration.caches import cache, leftovers
from tests.unit import apart, examples

__all__ = ["cache"]


def test_the_process_that_uses_the_cache_is_named(cache: Cache) -> None:
    with cache.shared():
        assert f"process {os.getpid()} uses the cache" in apart.run(ROOT, "clean").stdout
        assert f"is used by process {os.getpid()}" in apart.run(ROOT, "clean", "--all").stderr


def test_a_command_waits_for_a_clean_and_says_so(cache: Cache) -> None:
    with cache.alone() as alone:
        assert alone
        command = apart.command("setup", "--offline")
        with subprocess.Popen(command, env=apart.environment(), stderr=subprocess.PIPE, text=True) as waiting:
            try:
                assert waiting.stderr is not None
                assert "waiting for lazymmu clean" in waiting.stderr.readline()
                assert waiting.poll() is None
            finally:
                waiting.kill()


def test_what_cannot_be_removed_is_named_and_the_status_is_3(cache: Cache) -> None:
    left = leftovers(cache)
    folder = left[0]
    folder.chmod(0o500)
    try:
        done = apart.run(ROOT, "clean", prefix=examples.without_override())
    finally:
        folder.chmod(0o700)
    assert done.returncode == 3, done.stdout + done.stderr
    assert f"kept {folder} (" in done.stdout
    assert "Permission denied" in done.stdout
    assert not left[1].exists()
