# SPDX-License-Identifier: GPL-2.0-only
"""Packages come whole from mirrors that misbehave, or one line says which package and which mirror did not."""

import re
from functools import partial
from itertools import repeat
from tarfile import TarInfo
from threading import Event
from time import monotonic

import pytest
from lazymmu.provision import download, packages, progress, tool_root
from lazymmu.provision.download import NotFetchedError
from lazymmu.provision.lock import Package, Part
from lazymmu.provision.packages import Fetching
from lazymmu.support.errors import SetupError

from tests.integration.provision import archive
from tests.integration.provision.archive import DAY, Fault, Mirror, answer, closed, member, serving

WRONG: dict[str, tuple[Fault, str]] = {
    "missing": (answer(404), "404 Not Found"),
    "forbidden": (answer(403), "403 Forbidden"),
    "busy": (answer(503), "503 Service Unavailable"),
    "truncated": (answer(edit=lambda data: data[:-9]), r"its file has \d+ bytes, not \d+"),
    "longer": (answer(edit=lambda data: data + b"x"), r"its file has \d+ bytes, not \d+"),
    "corrupted": (answer(edit=lambda data: data[:-9] + b"x" + data[-8:]), "its file has not the SHA-256 [0-9a-f]{64}"),
    "a page": (answer(Content_Type="text/html; charset=utf-8"), r"it sent a page of HTML instead of the file .*"),
    "slow": (answer(slowly=True), r"it is too slow: \d+ bytes in 0 s"),
    "silent": (partial(closed, after=60), "nothing came for so long"),
    "closed": (closed, "Remote end closed connection without response"),
    "cut off at once": (answer(after=0), r"the connection ended after 0 of \d+ bytes"),
    "cut off, from the first byte": (answer(200, after=900), r"the connection ended after 900 of \d+ bytes"),
    "redirected for ever": (answer(302, Location="#again"), "it redirected more than 5 times"),
    "redirected to nowhere": (answer(302, Location="http://[/"), ".*"),
}
OUTSIDE = {
    "path": [member("../outside")],
    "absolute": [member("/outside")],
    "through a link": [member("a", ".."), member("a/outside", "x")],
    "through an absolute link": [member("a", "/usr"), member("a/outside", kind=b"5")],
    "hard link": [member("a", "../../outside", b"1")],
    "device": [member("outside", kind=b"3")],
}


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "SILENCE", 0.2)
    monkeypatch.setattr(download, "_WAIT", 0.0)


def fetching(mirror: Mirror, *some: Package) -> Fetching:
    part, cache = Part("trixie", DAY, (), some), mirror.cache
    return Fetching(cache.root, [part], "arm64", cache.progress, cache.tools.stopped)


def fetched(mirror: Mirror, *some: Package) -> None:
    """Fetch packages, and look at what the cache has of them."""
    fetching(mirror, *some).wait(some)
    assert mirror.unpacked(some) == [*some]
    assert not [*mirror.cache.root.glob("downloads/*"), *mirror.cache.root.rglob("*.partial")]


def refused(mirror: Mirror, *some: Package) -> SetupError:
    with pytest.raises(SetupError) as raised:
        fetching(mirror, *some).wait(some)
    assert not [*mirror.cache.root.glob("packages/*.partial")]
    return raised.value


@pytest.mark.parametrize(("fault", "reason"), WRONG.values(), ids=WRONG)
def test_a_file_that_no_mirror_gives_is_one_line_and_another_mirror_gives_it(
    fault: Fault, reason: str, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    (thing,) = mirror.things(1)
    mirror.faults[thing.path] = repeat(fault)
    error = refused(mirror, thing)
    assert isinstance(error, NotFetchedError) and error.gone == (reason == "404 Not Found")
    assert re.fullmatch(rf"thing-0 1 \({archive.HOST}\) could not be fetched: {mirror.place}: {reason}", error.message)
    assert mirror.unpacked([thing]) == []
    assert len(mirror.requests) <= max(download.ATTEMPTS + 1, download._REDIRECTS)
    with serving() as good:
        good.files = mirror.files
        monkeypatch.setenv("LAZYMMU_MIRROR", f"{mirror.address}/ {good.address}")
        fetched(mirror, thing)
        assert len(good.requests) == 1


def test_a_download_that_is_cut_off_goes_on_where_it_ended_however_often(mirror: Mirror) -> None:
    (thing,) = mirror.things(1)
    mirror.faults[thing.path] = iter([answer(after=1000)] * 5)
    fetched(mirror, thing)
    assert mirror.requests == [(thing.path, begin) for begin in range(0, 6000, 1000)]


@pytest.mark.parametrize("left", [b"x" * 100, b"x" * 100_000], ids=["its beginning", "more than all"])
def test_what_is_left_of_another_file_is_not_used(left: bytes, mirror: Mirror) -> None:
    (thing,) = mirror.things(1)
    mirror.download(thing).parent.mkdir(parents=True)
    mirror.download(thing).write_bytes(left)
    fetched(mirror, thing)
    assert mirror.requests[-1] == (thing.path, 0)


def test_a_busy_server_is_asked_again_when_it_says_so(mirror: Mirror) -> None:
    some = mirror.things(2)
    mirror.faults = {one.path: iter([answer(503 - 74 * n, Retry_After="1")]) for n, one in enumerate(some)}
    begin = monotonic()
    fetched(mirror, *some)
    assert monotonic() - begin > 0.9 and len(mirror.requests) == 4


def test_connections_are_kept_and_each_asks_once_a_server_that_is_down(
    mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A busy host must not make the good server look as if it were down.
    monkeypatch.setattr(download, "SILENCE", 60)
    some = mirror.things(30)
    with serving() as down:
        down.faults = {thing.path: repeat(closed) for thing in some}
        monkeypatch.setenv("LAZYMMU_MIRROR", f"{down.address} {mirror.address}")
        fetched(mirror, *some)
        assert len(down.requests) <= packages.CONNECTIONS
    assert mirror.asked() == sorted((thing.path, 0) for thing in some)


def test_a_file_may_be_on_another_server_or_in_the_archive_of_the_locks_day(
    mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = mirror.things(3)
    with serving() as other:
        other.files[some[0].path] = mirror.files[some[0].path]
        mirror.faults[some[0].path] = repeat(answer(302, Location=f"{other.address}/{some[0].path}"))
        mirror.faults[some[1].path] = repeat(answer(308, Location="/debian/elsewhere"))
        mirror.files["elsewhere"] = mirror.files[some[1].path]
        mirror.files[f"archive/29990101T235959Z/{some[2].path}"] = mirror.files.pop(some[2].path)
        monkeypatch.setenv("LAZYMMU_SNAPSHOT", f"{mirror.address}/archive/")
        fetched(mirror, *some)


def test_a_proxy_is_asked_for_whole_addresses(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = mirror.things(2)
    monkeypatch.setenv("http_proxy", f"http://me:p%40ss@{mirror.place}")
    monkeypatch.setenv("LAZYMMU_MIRROR", "http://127.0.0.1:9/debian")
    fetched(mirror, first)
    assert mirror.proxied == {(f"http://127.0.0.1:9/debian/{first.path}", "Basic bWU6cEBzcw==")}
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert "127.0.0.1:9: Connection refused" in refused(mirror, second).message


def test_an_interrupt_waits_for_no_server(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "SILENCE", 60)
    (thing,) = mirror.things(1)
    begun = Event()

    def fault(*request: object) -> None:
        begun.set()
        mirror.ended.wait()

    mirror.faults[thing.path] = repeat(fault)
    work = fetching(mirror, thing)
    assert begun.wait(10)
    begin = monotonic()
    mirror.cache.tools.stop()
    with pytest.raises(SetupError, match="interrupted"):
        work.wait([thing])
    assert monotonic() - begin < 1


@pytest.mark.parametrize("others", OUTSIDE.values(), ids=OUTSIDE)
def test_a_package_that_would_write_outside_is_refused_by_name(others: list[TarInfo], mirror: Mirror) -> None:
    said = refused(mirror, mirror.add("bad", {"usr/a": b"a"}, *others)).message
    assert re.search(r"\bbad (is refused: its path '.*' points outside|holds outside, which is neither a)", said)
    assert not [*mirror.cache.root.parent.rglob("*outside*")]


def test_a_link_of_one_package_leads_no_other_out_of_the_tool_root(mirror: Mirror) -> None:
    outside = mirror.cache.root.parent
    links = member("usr", str(outside)), member("lib", "inside"), member("inside", kind=b"5")
    some = mirror.add("one", {}, *links), mirror.add("two", {"lib/file": b"2"}), mirror.add("bad", {"usr/file": b"3"})
    fetched(mirror, *some)
    root = tool_root.assemble(mirror.cache, Part("x", DAY, (), some[:2]))
    assert (root / "inside" / "file").read_bytes() == b"2"
    with pytest.raises(SetupError, match="usr is refused: another package has a link there that points outside"):
        tool_root.assemble(mirror.cache, Part("x", DAY, (), some))
    assert not (outside / "file").exists()


def test_a_package_holds_links_and_programs_and_not_what_no_tool_reads(mirror: Mirror) -> None:
    links = member("usr/link", "a"), member("usr/hard", "./usr/a", b"1"), member("usr/lost", "usr/share/man/x", b"1")
    files = {"usr/a": b"1", "usr/share/man/x": b"2"}
    thing = mirror.add("thing", files, member("usr/program", mode=0o4755), *links, packed=True)
    fetching(mirror, thing).wait([thing])
    folder = mirror.folder(thing) / "usr"
    assert {path.name for path in folder.iterdir()} == {"a", "link", "hard", "program"}
    assert (folder / "link").is_symlink() and (folder / "hard").samefile(folder / "a")
    assert [(folder / name).stat().st_mode & 0o7777 for name in ("program", "a")] == [0o755, 0o644]


def test_a_damaged_package_is_refused_by_name(mirror: Mirror) -> None:
    whole = archive.deb({"usr/file": bytes(range(256)) * 99}, packed=True)
    for name, data in {"empty": whole[:8], "page": b"<p>", "short": whole[:-99]}.items():
        said = refused(mirror, mirror.offer(name, data)).message
        assert re.search(rf"\b{name} (is not a Debian package|cannot be unpacked: )", said)


def test_a_log_says_what_is_fetched_how_far_it_is_and_the_rate(
    mirror: Mirror, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "_IN_LOG", 0.0)
    fetched(mirror, *mirror.things(3, 150_000))
    first, *between, last = capsys.readouterr().err.splitlines()
    assert first == "lazymmu: fetching 3 MB for arm64"
    assert re.fullmatch(r"lazymmu: fetched 3 MB for arm64 in \d+\.\d s", last)
    state = r"lazymmu: fetching \d of 3 MB for arm64, [\d.]+ MB/s(, \d+ s left)?|.* unpacking the last \d packages .*"
    assert len(between) > 3 and all(re.fullmatch(state, line) for line in between)
    lost = mirror.things(2)
    mirror.files.clear()
    refused(mirror, *lost)
    assert "fetched" not in capsys.readouterr().err


def test_a_disk_that_is_too_small_is_an_error_before_anything_is_fetched(
    mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packages, "UNPACKED", 1 << 50)
    said = refused(mirror, *mirror.things(1)).message
    assert re.match(rf"no space left in {mirror.cache.root}: about \d+ MB are needed", said)
    assert mirror.requests == []
