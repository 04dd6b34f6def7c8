# SPDX-License-Identifier: GPL-2.0-only
"""Makes the environment with the Python packages of a command, then runs the command in its place.

The launcher starts it with the host's Python: `python -m lazymmu.provision.environment FOLDER REQUIREMENTS WORD ...`.
Meanwhile a thread fetches what the command will need. Only the standard library is used here (see lock.py).
"""

import ensurepip
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import traceback
import venv
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import NoReturn

from lazymmu.provision import ahead
from lazymmu.support.errors import INTERRUPTED, UNTESTABLE, LazymmuError, SetupError


def _stamp(folder: Path, requirements: Path) -> str:
    """Return what an environment was made from, as the launcher's function of the same name prints it."""
    status = (folder / "bin/python").stat()
    python = os.environ.get("LAZYMMU_PYTHON") or "python3"
    return f"{requirements.read_text(encoding='utf-8')}{python}\n{status.st_size} {int(status.st_mtime)}\n"


def _is_made(folder: Path, requirements: Path) -> bool:
    with suppress(FileNotFoundError):
        return (folder / "stamp").read_text(encoding="utf-8") == _stamp(folder, requirements)
    return False


def _bundled_pip() -> Path | None:
    """Return the wheel of pip that Python brings along, None if it is hidden."""
    folders = (sysconfig.get_config_var("WHEEL_PKG_DIR"), *(f"{folder}/_bundled" for folder in ensurepip.__path__))
    return next((wheel for folder in folders if folder for wheel in Path(folder).glob("pip-*.whl")), None)


def _install(folder: Path, requirements: Path) -> None:
    """Make an environment. Raises SetupError."""
    # An environment with a pip of its own takes three times as long to make. Compiling waits for the first import.
    pip = _bundled_pip()
    venv.create(folder, symlinks=True, with_pip=pip is None)
    command = [f"{folder}/bin/python", "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--no-compile"]
    with subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", "--", *command, "-r", str(requirements)],
        env={**os.environ, "PYTHONPATH": str(pip or "")},
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        start_new_session=True,
    ) as process:
        try:
            status = process.wait()
        except KeyboardInterrupt:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    if status != 0:
        raise SetupError(f"the Python packages of {requirements} could not be installed into {folder} (see above)")


def make(folder: Path, requirements: Path) -> None:
    """Make an environment in another folder, and rename it when it is complete. Raises SetupError and OSError."""
    # Leftovers of killed ones; this one has the lock.
    for leftover in folder.parent.glob(f"{folder.name}.[0-9]*"):
        shutil.rmtree(leftover)
    new = folder.with_name(f"{folder.name}.{os.getpid()}")
    print(f"lazymmu: making {folder} (Python packages, about 10 s)", file=sys.stderr, flush=True)
    try:
        _install(new, requirements)
        (new / "stamp").write_text(_stamp(new, requirements), encoding="utf-8")
        if folder.exists():
            folder.rename(new.with_suffix(".0"))
        new.rename(folder)
    finally:
        for each in (new, new.with_suffix(".0")):
            shutil.rmtree(each, ignore_errors=True)


def _run(folder: Path, requirements: Path, words: Sequence[str]) -> NoReturn:
    """Run a command in its environment, made first if it is missing. Raises SetupError and OSError."""
    folder.parent.mkdir(exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("a") as lock:
        # One at a time.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_made(folder, requirements):
            Thread(target=ahead.fetch, args=(words,), daemon=True).start()
            make(folder, requirements)
        if sys.stderr.isatty():
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
        # This also ends the thread and gives the lock back.
        program = f"{folder}/bin/python"
        os.execv(program, [program, "-P", "-m", "lazymmu", *words])  # noqa: S606


def main(folder: str, requirements: str, *words: str) -> int:
    """Run a command in its environment. Returns the exit status if that fails."""
    # As the launcher has it: git bisect must not blame a commit.
    broken = UNTESTABLE if words[:1] == ("run",) and "--bisect" in words else LazymmuError.exit_status
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _run(Path(folder), Path(requirements), words)
    except KeyboardInterrupt:
        return INTERRUPTED
    except LazymmuError as error:
        print(f"lazymmu: {error}", file=sys.stderr)
    except OSError as error:
        print(f"lazymmu: {folder} cannot be made: {error}", file=sys.stderr)
    except Exception:  # noqa: BLE001  (Python's own status, 1, would mean a wrong implementation)
        traceback.print_exc()
    return broken


if __name__ == "__main__":
    # Without Python's own end, which waits for the output of threads.
    os._exit(main(*sys.argv[1:]))
