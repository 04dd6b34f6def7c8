# SPDX-License-Identifier: GPL-2.0-only
"""Which patches are in what `--patch` names, in whatever form the list, b4 or git gave it."""

import gzip
import io
import sys
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lazymmu.header.mails import Mail, content, series
from lazymmu.header.text import HeaderError
from lazymmu.support.errors import UsageError

from tests.headers import MERGED, NESTED_FLUSH
from tests.patches import diff, mail, mbox

DIFF = diff(MERGED, MERGED.replace(NESTED_FLUSH, ""))


def patches(text: str | bytes) -> list[Mail]:
    return list(series("x", text.encode() if isinstance(text, str) else text).mails)


def encoded(encoding: str, *, attached: bool = False) -> bytes:
    message = EmailMessage()
    message["Subject"] = "[PATCH] ümlaut"
    message["From"] = "ann@example.org"
    body = f"ümlaut\n---\n{DIFF}"
    message.set_content("see the attachment" if attached else body, cte=encoding)
    if attached:
        message.add_attachment(body, subtype="x-patch", filename="a.patch", cte=encoding)
    return message.as_bytes()


@pytest.mark.parametrize(
    "raw",
    [
        mail(DIFF).encode(),
        mail(DIFF).replace("\n", "\r\n").encode(),
        b"From 0123456789abcdef Mon Sep 17 00:00:00 2001\n" + mail(DIFF).encode(),
        gzip.compress(mail(DIFF).encode()),
        DIFF.encode(),
        f"commit 0123\nAuthor: ann\n\n    mm: change\n\n{DIFF}".encode(),
        encoded("quoted-printable"),
        encoded("base64"),
        encoded("base64", attached=True),
        mail(f"From time to time\nFrom here on\n{DIFF}").encode(),
    ],
)
def test_one_patch_is_found_in_any_form(raw: bytes) -> None:
    (one,) = patches(raw)
    assert DIFF.rstrip() in one.text
    assert one.subject == ("" if raw.startswith((b"diff", b"commit")) else one.subject)


def numbered(number: int, version: str = "", *, more: str = "") -> str:
    return mail(f"{DIFF}{more}", f"[PATCH{version} {number}/3] mm: part {number}")


def test_a_series_is_in_the_order_of_its_numbers_without_its_cover_and_what_was_answered() -> None:
    answer = mail("> quoted\nlooks good\n", "Re: [PATCH 2/3] mm: part 2")
    remark = mail(f"rather:\n{DIFF}", "Re: [PATCH 2/3] mm: part 2")
    cover = mail("All of it.\n", "[PATCH 0/3] mm: all")
    found = series("x", mbox(numbered(3), cover, answer, numbered(1), remark, numbered(2), numbered(2)).encode())
    assert [one.number for one in found.mails] == [(1, 3), (2, 3), (3, 3)]
    assert (found.missing, found.notes) == ((), ())
    assert patches(mbox(remark))[0].subject.startswith("Re:")


def test_missing_numbers_are_known() -> None:
    assert series("x", mbox(numbered(3), numbered(1)).encode()).missing == (2,)


def test_the_newest_version_is_taken_and_the_others_are_named() -> None:
    found = series("x", mbox(numbered(1), numbered(1, " v10"), numbered(1, "v9")).encode())
    assert [one.version for one in found.mails] == [10]
    assert found.notes == (
        "version 10 is applied; version 1 is in x, too",
        "version 10 is applied; version 9 is in x, too",
    )


def test_patches_that_are_no_series_stay_in_their_order() -> None:
    first, second = mail(DIFF, "[PATCH] b"), mail(DIFF, "[PATCH] a")
    assert [one.subject for one in patches(mbox(first, second))] == ["[PATCH] b", "[PATCH] a"]
    other = mail(DIFF, "[PATCH 1/2] other")
    assert [one.number for one in patches(mbox(numbered(2), other))] == [(2, 3), (1, 2)]


def test_files_of_a_folder_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    (tmp_path / "cur").mkdir()
    (tmp_path / "cur" / "2.patch").write_text(mail(DIFF, "[PATCH] second"))
    (tmp_path / "cur" / "1.patch").write_text(f"From 0123 Mon Sep 17 00:00:00 2001\n{mail(DIFF, '[PATCH] first')}")
    (tmp_path / ".hidden").write_text(mail(DIFF, "[PATCH] hidden"))
    assert [one.subject for one in patches(content(str(tmp_path)))] == ["[PATCH] first", "[PATCH] second"]


def test_standard_input_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(mail(DIFF).encode())))
    assert len(patches(content("-"))) == 1


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "--patch x: is not a patch: empty; looked for lines `diff --git"),
        (mail("thanks\n").encode(), "is not a patch: 1 mail without a diff"),
        (b"\x1f\x8bnot gzip", "is damaged"),
        (mail("> diff --git a/x b/x\n").encode(), "this mail quotes a patch: give the mail that it answers"),
    ],
)
def test_anything_else_is_refused(raw: bytes, message: str) -> None:
    with pytest.raises(HeaderError) as caught:
        patches(raw)
    assert message in str(caught.value)


def test_a_file_that_cannot_be_read_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="none: cannot be read: No such file"):
        content(str(tmp_path / "none"))


@given(st.binary(), st.integers(0, 3000), st.integers(0, 200))
def test_no_content_is_a_crash(noise: bytes, at: int, length: int) -> None:
    whole = mbox(numbered(1), numbered(2)).encode()
    for raw in (noise, whole[:at] + noise + whole[at + length :]):
        try:
            patches(raw)
        except HeaderError as error:
            assert "--patch x" in str(error)
