# SPDX-License-Identifier: GPL-2.0-only
"""Unpacks Debian's packages (deb(5)): into a folder, and nothing outside it.

Only the standard library is used here (see lock.py).
"""

import lzma
import os
import pickle
import re
import shutil
import sys
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import PIPE, Popen

from lazymmu.provision.kernel_modules import MODULES_OF, NETWORK_MODULES
from lazymmu.support.errors import SetupError

# What nothing here reads: documents, link-time optimization, sanitizers, QEMU for other machines of the same package,
# and headers of architectures that have no lazy MMU mode. There are thousands of these files.
_LEFT_OUT = re.compile(
    r"usr/share/(doc|man|locale|info|lintian|bug|bash-completion|icons|applications)/.*"
    r"|usr/bin/(.*-lto-dump(-\d+)?|qemu-system-(i386|x86_64-microvm|arm))|.*/lto1"
    r"|.*/lib(asan|hwasan|lsan|tsan|ubsan)(_preinit)?\.(a|o|so.*)"
    r"|usr/src/linux-headers-[^/]+/(arch/(alpha|arm|loongarch|m68k|mips|parisc|sh)|include/dt-bindings)/.*"
)
# Empty files that say in which build an option of the kernel last changed. A build without them works.
_OPTIONS = re.compile(r"usr/src/linux-headers-[^/]+/include/config/.*")
# What is unpacked of a kernel: the boot image (up to Linux 6, and since 7). Its modules are nine tenths of the package,
# and only SSH needs some of them: see packages.py.
_KERNEL = ("linux-image-", "linux-binary-", "linux-modules-")
_IMAGE = re.compile(r"boot/vmlinu[xz]-.*|usr/lib/modules/[^/]+/vmlinu[xz]")
# Of its debug information: the kernel itself. That of its modules is ten times as much.
_DEBUG_INFO = re.compile(r"usr/lib/debug/(boot/vmlinux-[^/]+|(usr/)?lib/modules/[^/]+/vmlinux)")
_NETWORK = re.compile(rf".*/modules\.builtin|.*/({'|'.join(NETWORK_MODULES)})\.ko(\.[a-z]+)?")
_AR_HEADER = 60
_MAGIC = b"!<arch>\n"


def unpack(file: Path, name: str, target: Path) -> None:
    """Unpack the files of the package `name` into a new folder. Raises SetupError for a package that is damaged."""
    only = _NETWORK if name.startswith(MODULES_OF) else None
    if name.startswith(_KERNEL):
        only = _DEBUG_INFO if name.endswith("-dbg") else _IMAGE
    tree = Tree(target, name)
    try:
        with file.open("rb") as stream:
            if stream.read(len(_MAGIC)) != _MAGIC:
                raise SetupError(f"{name} is not a Debian package")
            while (header := stream.read(_AR_HEADER)) and not header.startswith(b"data.tar"):
                size = int(header[48:58])
                stream.seek(size + size % 2, os.SEEK_CUR)
            with tarfile.open(fileobj=stream, mode="r|*") as archive:
                for member in archive:
                    path = member.name.removeprefix("./").rstrip("/")
                    if path in ("", "."):
                        continue
                    is_option = member.size == 0 and member.isfile() and _OPTIONS.fullmatch(path)
                    if only.fullmatch(path) if only else not (is_option or _LEFT_OUT.fullmatch(path)):
                        tree.extract(archive, member, path)
                        # Their packages have one such file.
                        if only in (_IMAGE, _DEBUG_INFO) and member.isfile():
                            return
    except (tarfile.TarError, lzma.LZMAError, EOFError, ValueError) as error:
        raise SetupError(f"the package {name} cannot be unpacked: {error}") from error


class Tree:
    """A new folder for the files of one archive. Nothing is written outside it."""

    def __init__(self, target: Path, name: str) -> None:
        """`name` is the archive's in messages."""
        target.mkdir()
        self._target = str(target)
        self._name = name
        self._folders = {""}
        self._links: set[str] = set()

    def extract(self, archive: tarfile.TarFile, member: tarfile.TarInfo, path: str) -> None:
        """Write a member of an archive at `path`. Raises SetupError if that is not below the folder."""
        here = self._below(path)
        if member.isdir():
            self._make(path)
            return
        self._make(path.rpartition("/")[0])
        if member.issym():
            os.symlink(member.linkname, here)  # noqa: PTH211
            self._links.add(path)
        elif member.islnk():
            other = self._below(member.linkname.removeprefix("./"))
            # It may be one of the files that are left out.
            if os.path.isfile(other):  # noqa: PTH113  (as fast as can be: there are thousands)
                os.link(other, here)
        elif member.isfile() and (source := archive.extractfile(member)) is not None:
            mode = 0o755 if member.mode & 0o111 else 0o644
            with open(os.open(here, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:  # noqa: PTH123
                shutil.copyfileobj(source, file, 1 << 20)
        else:
            raise SetupError(f"{self._name} holds {path}, which is neither a file nor a link")

    def _make(self, folder: str) -> None:
        if folder not in self._folders:
            self._make(folder.rpartition("/")[0])
            os.mkdir(f"{self._target}/{folder}")  # noqa: PTH102
            self._folders.add(folder)

    def _below(self, path: str) -> str:
        parts = path.split("/")
        # A link of the same archive could lead out of it.
        crossed = self._links and any("/".join(parts[:depth]) in self._links for depth in range(1, len(parts)))
        if not path or path.startswith("/") or ".." in parts or crossed:
            raise SetupError(f"{self._name} is refused: its path {path!r} points outside")
        return f"{self._target}/{path}"


@contextmanager
def unpacker() -> Iterator[Callable[[Path, str, Path], None]]:
    """Start a program for a `with`, and give a function like `unpack` that it carries out.

    Threads of one Python would wait for each other. The program ends when its input does.
    """
    command = [sys.executable, "-P", "-m", __name__]
    # A Ctrl-C on the terminal is for the one who started it.
    with Popen(command, stdin=PIPE, stdout=PIPE, start_new_session=True) as process:
        assert process.stdin is not None and process.stdout is not None  # noqa: S101  (asked for above)
        requests, replies = process.stdin, process.stdout

        def unpack_there(file: Path, name: str, target: Path) -> None:
            pickle.dump((file, name, target), requests)
            requests.flush()
            try:
                error = pickle.load(replies)  # noqa: S301  (of our own program)
            except EOFError:
                error = SetupError(f"the package {name} was not unpacked: its program has ended")
            if error is not None:
                raise error

        yield unpack_there


def main() -> None:
    """Carry out the requests of `unpacker`. Replies with None or the error."""
    # The builds and guests of an architecture that is ready come first.
    os.nice(10)
    # It ends with its input, or if nobody waits for a reply.
    with suppress(EOFError, BrokenPipeError):
        while True:
            reply = None
            try:
                unpack(*pickle.load(sys.stdin.buffer))  # noqa: S301  (of the program that started this one)
            except (SetupError, OSError) as error:
                reply = error
            # Unbuffered: Python's own end would try to write again.
            os.write(sys.stdout.fileno(), pickle.dumps(reply))


if __name__ == "__main__":
    main()
