# SPDX-License-Identifier: GPL-2.0-only
"""Downloads one file over HTTP: resumed where an earlier attempt ended, and checked while it arrives.

Only the standard library is used here (see lock.py).
"""

import hashlib
import time
from base64 import b64encode
from collections.abc import Callable, Iterable
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from threading import Event
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

from lazymmu.support.errors import SetupError

#: Seconds without a byte after which a server counts as dead.
SILENCE = 20.0
#: Bytes in each of the periods of SILENCE seconds below which a server counts as too slow.
SLOWEST = 20_000
#: How often one server is asked for one file without a new byte of it.
ATTEMPTS = 3
# Seconds before a server that is busy is asked again, if it does not say how many, and at most.
_WAIT, _LONGEST_WAIT = 1.0, 60.0
_REDIRECTS = 5
_CHUNK = 1 << 17
_BUSY = (429, 500, 502, 503, 504)
_GONE = (404, 410)


class _Refused(Exception):
    """A server does not give a file. `again` says whether another attempt may help, and after how many seconds."""

    def __init__(self, reason: str, *, again: float | None = None, gone: bool = False) -> None:
        super().__init__(reason)
        self.again = again
        self.gone = gone


class NotFetchedError(SetupError):
    """No server gave a file. `gone` is true if each server said that it does not have it."""

    def __init__(self, message: str, *, gone: bool, hint: str) -> None:
        super().__init__(message, hint=hint)
        self.gone = gone


class Client:
    """The connections of one thread, each kept open for the next file of the same server."""

    def __init__(self, stop: Event) -> None:
        """`stop` ends downloads and waits, within the time of one chunk."""
        self._connections: dict[tuple[str, str], HTTPConnection] = {}
        # Servers that did not answer. They are asked last, so that not every file waits for them.
        self._down: set[str] = set()
        self._stop = stop

    def close(self) -> None:
        """Close the connections."""
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()

    def fetch(
        self, what: str, addresses: Iterable[str], size: int, sha256: str, target: Path, got: Callable[[int], None]
    ) -> None:
        """Write the file of these addresses, which are the same file, to `target`, which may hold its beginning.

        `got` hears of bytes that arrived, and with a negative number of those that were worth nothing. Raises
        NotFetchedError if no address gives it, SetupError at `stop`, OSError for a target that cannot be written.
        """
        refusals: dict[str, _Refused] = {}
        left, most = dict.fromkeys(addresses, ATTEMPTS), _size(target)
        while left:
            for address in sorted(left, key=lambda one: urlsplit(one).netloc in self._down):
                self._check(what)
                try:
                    self._fetch(address, size, sha256, target, got)
                except _Refused as refused:
                    refusals[address] = refused
                else:
                    return
                left[address] -= _size(target) <= most
                most = max(most, _size(target))
                if refusals[address].again is None or not left[address]:
                    del left[address]
            self._stop.wait(min((refusals[address].again or 0 for address in left), default=0))
        self._check(what)
        reasons = dict.fromkeys(f"{urlsplit(address).netloc}: {refused}" for address, refused in refusals.items())
        raise NotFetchedError(
            f"{what} could not be fetched: {'; '.join(reasons)}",
            gone=all(refused.gone for refused in refusals.values()),
            hint="is the network there? LAZYMMU_MIRROR names mirrors, http_proxy a proxy, LAZYMMU_SNAPSHOT an archive",
        )

    def _check(self, what: str) -> None:
        if self._stop.is_set():
            raise SetupError(f"{what}: interrupted")

    def _fetch(self, address: str, size: int, sha256: str, target: Path, got: Callable[[int], None]) -> None:
        """Fetch what is missing of a file. Raises _Refused."""
        with target.open("ab+") as file:
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256")
            begin = have = file.tell()
            got(have)
            try:
                if have < size:
                    for chunk in self._chunks(address, have, size):
                        if chunk is None:  # The server sends the file from its beginning.
                            file.truncate(0)
                            got(-have)
                            begin, have, digest = 0, 0, hashlib.sha256()
                            continue
                        file.write(chunk)
                        digest.update(chunk)
                        have += len(chunk)
                        got(len(chunk))
            except _Refused:
                got(-have)
                raise
        if have == size and digest.hexdigest() == sha256:
            return
        got(-have)
        if have < size and not self._stop.is_set():
            raise _Refused(f"the connection ended after {have} of {size} bytes", again=0)
        if have >= size:
            target.unlink()
            # What an earlier attempt left may be of another file.
            wrong = f"has {have} bytes, not {size}" if have > size else f"has not the SHA-256 {sha256}"
            raise _Refused(f"its file {wrong}", again=0 if begin else None)
        raise _Refused("interrupted")

    def _chunks(self, address: str, begin: int, size: int) -> Iterable[bytes | None]:
        """Yield a file from a byte on; None first if it comes from its first byte instead. Raises _Refused."""
        left = size - begin
        try:
            response = self._get(address, begin)
            left = size if response.status == 200 else left
            if response.length is not None and response.length != left:
                raise _Refused(f"its file has {size - left + response.length} bytes, not {size}")
            if left > size - begin:
                yield None
            period, arrived = time.monotonic(), 0
            while left > 0 and not self._stop.is_set() and (chunk := response.read1(_CHUNK)):
                arrived += len(chunk)
                left -= len(chunk)
                yield chunk
                if (now := time.monotonic()) - period > SILENCE:
                    if arrived < SLOWEST:
                        self._down.add(urlsplit(address).netloc)
                        raise _Refused(f"it is too slow: {arrived} bytes in {now - period:.0f} s")
                    period, arrived = now, 0
            if response.length is None:
                self.close()
            # So that the connection can be used again: before Python 3.11.8, read1 leaves this out.
            response.close()
        except (OSError, HTTPException, ValueError) as error:
            self._down.add(urlsplit(address).netloc)
            reason = getattr(error, "strerror", None) or str(error) or repr(error)
            reason = "nothing came for so long" if isinstance(error, TimeoutError) else reason
            raise _Refused(reason, again=_WAIT) from error
        finally:
            if left:
                self.close()

    def _get(self, address: str, begin: int) -> HTTPResponse:
        """Return the response with a file from a byte on, after redirections. Raises _Refused, OSError."""
        for _ in range(_REDIRECTS):
            response = self._request(urlsplit(address), {"Range": f"bytes={begin}-"} if begin else {})
            status = response.status
            if status in (200, 206):
                if response.headers.get_content_type() == "text/html":
                    self.close()
                    raise _Refused("it sent a page of HTML instead of the file (a network that wants a login?)")
                return response
            if status in (301, 302, 303, 307, 308) and "Location" in response.headers:
                response.read()
                address = urljoin(address, response.headers["Location"])
                continue
            after = response.headers.get("Retry-After", "")
            self.close()
            again = min(float(after) if after.isdigit() else _WAIT, _LONGEST_WAIT) if status in _BUSY else None
            raise _Refused(f"{status} {response.reason}", again=again, gone=status in _GONE)
        raise _Refused(f"it redirected more than {_REDIRECTS} times")

    def _request(self, url: SplitResult, headers: dict[str, str]) -> HTTPResponse:
        key = (url.scheme, url.netloc)
        proxy = "" if proxy_bypass(url.hostname or "") else getproxies().get(url.scheme, "")
        account, _, via = urlsplit(proxy if "://" in proxy else f"http://{proxy}").netloc.rpartition("@")
        login = {"Proxy-Authorization": f"Basic {b64encode(unquote(account).encode()).decode()}"} if account else {}
        target = quote(url.path, safe="/%:~+")
        if proxy and url.scheme == "http":
            target = f"http://{url.netloc}{target}"
            headers = {**headers, **login}
        is_new = key not in self._connections
        if is_new:
            kind = HTTPSConnection if url.scheme == "https" else HTTPConnection
            self._connections[key] = kind(via or url.netloc, timeout=SILENCE)
            if proxy and url.scheme == "https":
                self._connections[key].set_tunnel(url.netloc, headers=login)
        connection = self._connections[key]
        try:
            connection.request("GET", target, headers={"User-Agent": "lazymmu", **headers})
            return connection.getresponse()
        except (ConnectionError, HTTPException):
            # A server may close a connection that waited for its next request.
            if is_new:
                raise
            self.close()
            return self._request(url, headers)


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0
