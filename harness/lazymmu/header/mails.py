# SPDX-License-Identifier: GPL-2.0-only
"""The patches in what `--patch` names: a mail, an mbox, a folder of either, the output of b4 or git, or a bare diff."""

import gzip
import re
import sys
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from email.policy import default
from itertools import groupby
from pathlib import Path

from msgspec import Struct

from lazymmu.header.text import HeaderError
from lazymmu.support.errors import UsageError

#: The file name that means standard input.
STDIN = "-"
# Bytes.
_LARGEST = 64 << 20
_GZIP = b"\x1f\x8b"
# As `git mailsplit` knows the line before a mail: with a time and a year.
_BEGIN = re.compile(rb"^From .*\d:\d\d:\d\d .*\d{4}.*\n", re.MULTILINE)
_TEXTS = ("text/plain", "text/x-patch", "text/x-diff", "application/octet-stream", "application/x-patch")
#: The beginning of a diff.
DIFF = re.compile(r"^(?:diff --git |--- \S.*\n\+\+\+ \S)", re.MULTILINE)
_QUOTED = re.compile(r"^>[> ]*(?:diff --git |@@ -\d)", re.MULTILINE)
_TAG = re.compile(r"\[([^\]]*(?:PATCH|RFC)[^\]]*)\]")
_REPLY = re.compile(r"\s*(re|aw|fwd?)\s*:", re.IGNORECASE)
_SOUGHT = "looked for lines `diff --git …`, or `--- FILE` and `+++ FILE`, with hunks `@@ -1,2 +1,2 @@` after them"


class Mail(Struct, frozen=True):
    """One patch."""

    #: Its subject; empty for a bare diff.
    subject: str
    #: The mail without its header and encodings.
    text: str

    @property
    def version(self) -> int:
        """The version of its series, from 1."""
        found = re.search(r"v(\d+)", self._tag, re.IGNORECASE)
        return int(found[1]) if found else 1

    @property
    def number(self) -> tuple[int, int]:
        """Its number in its series, and how many there are; 0 and 0 for a mail without."""
        found = re.search(r"(\d+)/(\d+)", self._tag)
        return (int(found[1]), int(found[2])) if found else (0, 0)

    @property
    def is_reply(self) -> bool:
        """Whether it answers a mail."""
        return bool(_REPLY.match(self.subject))

    @property
    def _tag(self) -> str:
        found = _TAG.search(self.subject)
        return found[1] if found else ""


class Series(Struct, frozen=True):
    """The patches to apply, in their order."""

    mails: tuple[Mail, ...]
    #: Numbers of mails that are not there.
    missing: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()


def content(name: str) -> bytes:
    """Return the bytes of a file, of all files of a folder, or of standard input. Raises UsageError."""
    try:
        if name == STDIN:
            return sys.stdin.buffer.read(_LARGEST)
        if Path(name).is_dir():
            files = sorted(path for path in Path(name).rglob("*") if path.is_file() and path.name[0] != ".")
            # A file of a mailbox in the form of a folder begins without such a line.
            return b"".join(b"From %d 0:00:00 1970\n%s\n" % (n, file.read_bytes()) for n, file in enumerate(files))
        with Path(name).open("rb") as file:
            return file.read(_LARGEST)
    except OSError as error:
        raise UsageError(f"--patch {name}: cannot be read: {error.strerror}") from error


def series(name: str, raw: bytes) -> Series:
    """Return the patches in the content of `--patch NAME`. Raises HeaderError if there is none."""
    try:
        raw = gzip.decompress(raw) if raw.startswith(_GZIP) else raw
    except (OSError, EOFError) as error:
        raise HeaderError(f"--patch {name}: is damaged: {error}") from error
    mails = [_mail(part) for part in _BEGIN.split(raw.replace(b"\r\n", b"\n")) if part.strip()]
    patches = [mail for mail in mails if DIFF.search(mail.text)]
    if not patches:
        quoted = any(_QUOTED.search(mail.text) for mail in mails)
        what = f"{len(mails)} mail{'' if len(mails) == 1 else 's'} without a diff" if mails else "empty"
        raise HeaderError(
            f"--patch {name}: is not a patch: {what}; {_SOUGHT}",
            hint="this mail quotes a patch: give the mail that it answers" if quoted else None,
        )
    patches = [mail for mail in patches if not mail.is_reply] or patches
    newest = max(mail.version for mail in patches)
    older = sorted({mail.version for mail in patches} - {newest})
    notes = [f"version {newest} is applied; version {version} is in {name}, too" for version in older]
    chosen = [mail for mail in patches if mail.version == newest]
    totals = {mail.number[1] for mail in chosen}
    if len(totals) > 1 or totals == {0}:
        return Series(tuple(chosen), notes=tuple(notes))
    chosen.sort(key=lambda mail: mail.number)
    # A mail that came by two lists is in an archive twice.
    chosen = [next(same) for _, same in groupby(chosen, key=lambda mail: (mail.number, mail.text))]
    there = {mail.number[0] for mail in chosen}
    return Series(tuple(chosen), tuple(n for n in range(1, totals.pop() + 1) if n not in there), tuple(notes))


def _mail(raw: bytes) -> Mail:
    message = message_from_bytes(raw, policy=default)
    if "subject" not in message and "from" not in message:
        return Mail("", raw.decode("utf-8", "replace"))
    return Mail(" ".join(str(message["subject"] or "").split()), "\n".join(_texts(message)))


def _texts(message: Message) -> Iterator[str]:
    for part in message.walk():
        if part.get_content_type() in _TEXTS:
            body = part.get_payload(decode=True)
            assert isinstance(body, bytes)  # noqa: S101  (it is no multipart)
            try:
                yield body.decode(part.get_content_charset("utf-8"), "replace").replace("\r\n", "\n")
            except LookupError:
                yield body.decode("utf-8", "replace").replace("\r\n", "\n")
