# SPDX-License-Identifier: GPL-2.0-only
"""Runs programs of the tool root with the tool root as `/`: with bubblewrap, or with chroot as root.

A trial shows which of them works: containers and some hosts forbid namespaces, and no setting says so for certain.
`tethered` in subprocesses.py makes programs die with the thread that started them.
"""

import os
import stat
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from msgspec import Struct

from lazymmu.provision.subprocesses import tethered
from lazymmu.support.errors import SetupError

_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/tmp", "LC_ALL": "C"}  # noqa: S108
# Devices that compilers and QEMU open. A chroot gets those of the host.
_DEVICES = ("null", "zero", "urandom", "kvm")
# The one file of /proc, which a chroot does not have, that a program needs: since Linux 6.19, objtool reads there where
# its stack ends, to tell a stack overflow from another crash (Linux: tools/objtool/signal.c).
_STACK = "7ffffffde000-7ffffffff000 rw-p 00000000 00:00 0 [stack]\n"
# A guest does not need the host's processes, and a killed sandbox takes all of its own with it.
_NAMESPACES = ("--unshare-pid", "--unshare-ipc")
# Mounts folders of the host below the root, $0, and runs the words after `--`.
_MOUNTED = """
while test "$1" != --; do
    mount --bind "$1" "$0$1" && mount -o "remount,bind,$2" "$0$1" || exit
    shift 2
done
shift
exec "$@"
"""
# A program that hangs must not hang the harness (seconds).
_TIMEOUT = 20.0
#: What to do on a host where no sandbox works.
HINT = (
    "allow user namespaces (sysctl kernel.unprivileged_userns_clone=1, and on Ubuntu "
    "kernel.apparmor_restrict_unprivileged_userns=0) with bubblewrap installed, or run as root, where chroot is enough"
)


class Sandbox(Struct, frozen=True):
    """One way of running programs in a tool root."""

    #: "bwrap" or "chroot".
    name: str
    root: Path
    #: Whether programs see the host's network. A guest over SSH is reached at the host's loopback address.
    network: bool = False

    def inside(self, path: Path) -> str:
        """Return the name that a path below the tool root has for the programs in it."""
        return f"/{path.relative_to(self.root)}"

    def command(
        self,
        argv: Sequence[str],
        *,
        writable: bool = False,
        also: Path | None = None,
        folders: Mapping[Path, bool] = MappingProxyType({}),
    ) -> list[str]:
        """Return the host command that runs `argv` inside. Only `also` can be written, or all if `writable`.

        `folders` are folders of the host that programs see under the same names, and whether they can be written.
        """
        for folder in folders:
            self._make_place(folder)
        if self.name == "bwrap":
            bind = "--bind" if writable else "--ro-bind"
            words = ["bwrap", bind, str(self.root), "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp"]  # noqa: S108
            words += ["--bind", str(also), self.inside(also)] if also else []
            for folder, can_write in folders.items():
                words += ["--bind" if can_write else "--ro-bind", str(folder), str(folder)]
            words += ["--dev-bind-try", "/dev/kvm", "/dev/kvm", "--clearenv"]
            words += [word for pair in _ENVIRONMENT.items() for word in ("--setenv", *pair)]
            return [*words, *([] if self.network else ["--unshare-net"]), *_NAMESPACES, "--die-with-parent", *argv]
        environment = ["/usr/bin/env", "-i", *(f"{name}={value}" for name, value in _ENVIRONMENT.items())]
        mounts = [word for folder, can_write in folders.items() for word in (str(folder), "rw" if can_write else "ro")]
        mounted = ["unshare", "--mount", "sh", "-c", _MOUNTED, str(self.root), *mounts, "--"] if folders else []
        return ["setpriv", "--pdeathsig", "KILL", *mounted, "chroot", str(self.root), *environment, *argv]

    def _make_place(self, folder: Path) -> None:
        """Make the empty folder over which a folder of the host is mounted; bubblewrap's /tmp is its own."""
        if self.name != "bwrap" or not folder.is_relative_to("/tmp"):  # noqa: S108
            self.root.joinpath(*folder.parts[1:]).mkdir(parents=True, exist_ok=True)

    def equip(self) -> None:
        """Make the devices and the file of /proc that a chroot needs. Bubblewrap brings its own."""
        if self.name == "chroot" and self.root != Path("/"):
            for name in _DEVICES:
                host, path = Path("/dev", name), self.root / "dev" / name
                if host.is_char_device() and not path.is_char_device():
                    path.unlink(missing_ok=True)
                    os.mknod(path, stat.S_IFCHR | 0o666, host.stat().st_rdev)
                    path.chmod(0o666)
            _make_stack(self.root)


def _make_stack(root: Path) -> None:
    path = root / "proc/self/maps"
    if path.is_file() and path.read_text(encoding="ascii") == _STACK:
        return
    path.parent.mkdir(exist_ok=True)
    # By a rename, so that another process never sees half of it.
    with tempfile.NamedTemporaryFile("w", dir=path.parent, encoding="ascii", delete=False) as file:
        file.write(_STACK)
    Path(file.name).chmod(0o444)
    Path(file.name).replace(path)


def run(sandbox: Sandbox, *argv: str) -> tuple[str, str | None]:
    """Run a program in a sandbox, which it may only read. Return its output, and why it failed: None if it worked."""
    # In a chroot without devices, a writer would create a file /dev/null.
    command = tethered(sandbox.command(argv))
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=_TIMEOUT, errors="replace"
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return "", str(error)
    return done.stdout, (" ".join(done.stderr.split()) or f"status {done.returncode}") if done.returncode else None


def _failure(sandbox: Sandbox) -> str | None:
    """Return why the sandbox does not work here, None if it works."""
    try:
        sandbox.equip()
    except OSError as error:
        return str(error)
    return run(sandbox, "/usr/bin/sh", "-c", "exec 3>/dev/null")[1]


def first_working(
    root: Path, failure: Callable[[Sandbox], str | None] = _failure
) -> tuple[Sandbox | None, dict[str, str]]:
    """Return the first sandbox that works for this tool root, None if none does, and why the others do not.

    The host's own files take the place of a tool root that does not exist yet: what fails are namespaces and chroot.
    """
    failures: dict[str, str] = {}
    tried = root if (root / "usr").is_dir() else Path("/")
    for name in ("bwrap", "chroot"):
        reason = failure(Sandbox(name, tried))
        if reason is None:
            return Sandbox(name, root), failures
        failures[name] = reason
    return None, failures


def choose(root: Path) -> Sandbox:
    """Return the first sandbox that works for this tool root, which need not exist yet. Raises SetupError."""
    sandbox, failures = first_working(root)
    if sandbox is None:
        reasons = "".join(f"\n    {name}: {reason}" for name, reason in failures.items())
        raise SetupError(f"no way to run programs in the tool root works here{reasons}", hint=HINT)
    return sandbox
