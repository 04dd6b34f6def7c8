# SPDX-License-Identifier: GPL-2.0-only
"""A small Debian, and a server of it that misbehaves as it is told to."""

import hashlib
import io
import lzma
import random
import re
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from urllib.parse import urlsplit

from lazymmu.provision import catalogue, lock, packages, parts, setup
from lazymmu.provision.cache import Cache
from lazymmu.provision.lock import Package, Part
from lazymmu.provision.parts import Request
from lazymmu.provision.progress import Progress
from lazymmu.provision.sandbox import Sandbox
from lazymmu.provision.setup import Images

HOST, ARCH, KERNEL, RELEASE = lock.host_architecture(), "arm64", catalogue.kernel("lts"), "6.12.9-cloud-arm64"
HOST_TOOLS, TOOLS, LTS = parts.host_tools(), parts.tools(ARCH), parts.kernel(KERNEL, ARCH)
#: Later than the project's lock, so that it counts.
DAY = "2999-01-01"
# Package of the kernel -> file, architecture.
_KERNEL = {
    f"linux-image-{RELEASE}": (f"boot/vmlinuz-{RELEASE}", ARCH),
    f"linux-headers-{RELEASE}": (f"usr/src/linux-headers-{RELEASE}/Makefile", ARCH),
    "linux-headers-6.12.9-common": ("usr/src/linux-headers-6.12.9-common/Kbuild", "all"),
    "linux-kbuild-6.12.9": ("usr/lib/linux-kbuild-6.12.9/modpost", HOST),
}


def deb(files: Mapping[str, bytes], others: Iterable[tarfile.TarInfo] = (), *, packed: bool = False) -> bytes:
    """Return a package with these files and other members, compressed or not."""
    data, found = io.BytesIO(), b"!<arch>\n"
    with tarfile.open(fileobj=data, mode="w") as archive:
        for name, content in files.items():
            archive.addfile(member(f"./{name}", size=len(content)), io.BytesIO(content))
        for one in others:
            archive.addfile(one)
    body = lzma.compress(data.getvalue()) if packed else data.getvalue()
    for name, content in (("debian-binary", b"2.0\n"), ("control.tar", b"odd"), ("data.tar", body)):
        found += f"{name:48}{len(content):<10}`\n".encode() + content + b"\n" * (len(content) % 2)
    return found


def member(name: str, target: str = "", kind: bytes = b"", *, mode: int = 0o644, size: int = 0) -> tarfile.TarInfo:
    """Return a member of a package: a file, or a link to `target`."""
    found = tarfile.TarInfo(name)
    found.type, found.linkname = kind or (tarfile.SYMTYPE if target else tarfile.REGTYPE), target
    found.mode, found.size = mode, size
    return found


class Handler(BaseHTTPRequestHandler):
    """Answers the requests of one connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "Mirror"

    def do_GET(self) -> None:
        path, begin = urlsplit(self.path).path.removeprefix("/debian/"), re.sub(r"\D", "", self.headers["Range"] or "0")
        self.server.requests.append((path, int(begin)))
        self.server.proxied.add((self.path, self.headers["Proxy-Authorization"]))
        good = answer() if path in self.server.files else answer(404)
        next(self.server.faults.get(path, iter(())), good)(self, self.server.files.get(path, b""), int(begin))

    def log_message(self, *_: object) -> None:
        pass


#: Answers one request for a file, from a byte on.
Fault = Callable[[Handler, bytes, int], None]


def answer(
    status: int = 0,
    edit: Callable[[bytes], bytes] = bytes,
    after: int | None = None,
    slowly: bool = False,
    **headers: str,
) -> Fault:
    """Send the file after an edit; close the connection `after` so many bytes. Without a status all goes well."""

    def fault(handler: Handler, data: bytes, begin: int) -> None:
        data = b"" if status >= 300 else edit(data)[0 if status else begin :]
        handler.send_response(status or (206 if begin else 200))
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        step = 1 if slowly else 1 << 16
        for at in range(0, len(data) if after is None else after, step):
            handler.wfile.write(data[at : at + step][:after])
            handler.server.sent(len(data[at : at + step]))
            if slowly:
                handler.server.ended.wait(0.02)
        handler.close_connection = after is not None

    return fault


def closed(handler: Handler, _data: bytes, _begin: int, *, after: float = 0) -> None:
    """Close the connection without an answer, `after` so many seconds."""
    handler.server.ended.wait(after)
    handler.close_connection = True


class Mirror(ThreadingHTTPServer):
    """A server of files below `/debian`, and the cache that is filled from it."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, root: Path = Path("/nowhere")) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.cache = Cache(root, Progress())
        self.place = f"127.0.0.1:{self.server_port}"
        self.address = f"http://{self.place}/debian"
        self.files: dict[str, bytes] = {}
        #: The files in each package.
        self.contents: dict[Package, Mapping[str, bytes]] = {}
        #: What happens to the next requests for a file; `itertools.repeat` for all of them.
        self.faults: dict[str, Iterator[Fault]] = {}
        #: Each request: the file and the first byte. As a proxy: each address, and who asked.
        self.requests: list[tuple[str, int]] = []
        self.proxied: set[tuple[str, str | None]] = set()
        #: Is called with the number of bytes that were sent.
        self.sent: Callable[[int], object] = lambda _: None
        self.ended = Event()

    def handle_error(self, *_: object) -> None:
        """A client may go away."""

    def asked(self) -> list[tuple[str, int]]:
        """Return the requests since the last call, in the order of the files."""
        found = sorted(self.requests)
        self.requests.clear()
        return found

    def offer(self, name: str, data: bytes, version: str = "1", architecture: str = HOST) -> Package:
        """Offer any file as a package."""
        path = f"pool/main/{name}_{version}_{architecture}.deb"
        self.files[path] = data
        return Package(name, version, architecture, len(data), hashlib.sha256(data).hexdigest(), path)

    def add(
        self, name: str, files: Mapping[str, bytes], *others: tarfile.TarInfo, packed: bool = False, **how: str
    ) -> Package:
        """Offer a package."""
        package = self.offer(name, deb(files, others, packed=packed), **how)
        self.contents[package] = files
        return package

    def things(self, count: int, size: int = 1000) -> list[Package]:
        """Offer packages with a file each."""
        return [self.add(f"thing-{n}", {f"usr/thing-{n}": b"%07d" % n * size}) for n in range(count)]

    def folder(self, package: Package) -> Path:
        """Return the folder of an unpacked package."""
        return packages.folder(self.cache.root, package)

    def download(self, package: Package) -> Path:
        """Return the file of a package that was not fetched to its end."""
        return self.cache.root / "downloads" / f"{self.folder(package).name}.deb"

    def unpacked(self, some: Iterable[Package]) -> list[Package]:
        """Return the packages that the cache has, after a look at their files."""
        found = [package for package in some if self.folder(package).is_dir()]
        for package in found:
            for name, content in self.contents[package].items():
                assert (self.folder(package) / name).read_bytes() == content
        return found


@contextmanager
def serving(root: Path = Path("/nowhere")) -> Iterator[Mirror]:
    """Serve a mirror during a `with`."""
    with Mirror(root) as mirror:
        Thread(target=mirror.serve_forever, args=(0.01,), daemon=True).start()
        yield mirror
        mirror.ended.set()
        mirror.shutdown()


def debian(mirror: Mirror, *, version: str = "1", size: int = 1000) -> dict[Request, Part]:
    """Offer what a guest of arm64 needs, packages of some `size` bytes. Return the parts of a lock of it."""
    noise, found = random.Random(version), {}  # noqa: S311  (nobody shall guess less)
    for wanted in (HOST_TOOLS, TOOLS, LTS):
        names = _KERNEL if wanted is LTS else {name: (f"usr/lib/{name}/file", HOST) for name in wanted.names}
        some = [
            mirror.add(name, {file: noise.randbytes(size)}, version=version, architecture=architecture)
            for name, (file, architecture) in names.items()
        ]
        found[wanted] = Part(wanted.suite, DAY, wanted.names, tuple(some), RELEASE if wanted is LTS else "")
    return found


def write_lock(mirror: Mirror, found: Mapping[Request, Part]) -> None:
    """Make it the user's own lock."""
    for wanted, part in found.items():
        file = lock.path(lock.users(mirror.cache.root), wanted.host, wanted.arch, wanted.name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(lock.text(part))


def images(mirror: Mirror, kernel: catalogue.Kernel = KERNEL, **how: bool) -> Images:
    """Set up for a guest of arm64."""
    return setup.available(mirror.cache, kernel, [ARCH], sandbox=lambda root: Sandbox("bwrap", root), **how)


def every(found: Mapping[Request, Part]) -> list[Package]:
    """Return the packages of parts."""
    return [package for part in found.values() for package in part.packages]
