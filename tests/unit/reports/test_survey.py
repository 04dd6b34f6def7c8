# SPDX-License-Identifier: GPL-2.0-only
"""The page of results says what the documents say, and names no mirror."""

from datetime import UTC, datetime
from typing import Any

from lazymmu.reports.survey import page

HOST = "http://mirror.example"


def result(outcome: str, *, kernel: str = "lts", arch: str = "arm64", impl: str = "module", api: str = "merged") -> Any:
    reason = "comes to switch (step 4) with preemption off" if outcome == "skip" else ""
    return {"kernel": kernel, "arch": arch, "impl": impl, "api": api, "outcome": outcome, "reason": reason}


def entry(kernel: str, arch: str, reason: str = "") -> dict[str, Any]:
    answer = {"asked": "2026-11-23T05:00:00+00:00", "release": "", "version": "", "reason": reason} if reason else None
    locked = not reason
    return {
        "kernel": kernel,
        "arch": arch,
        "locked": locked,
        "release": "7.3.4-cloud" if locked else None,
        "version": "7.3.4-1" if locked else None,
        "answer": answer,
    }


def made(results: list[Any]) -> str:
    kernels = [
        entry("lts", "arm64"),
        entry("current", "arm64"),
        entry(
            "current",
            "s390x",
            f"Failed to fetch {HOST}/dists/x/Packages.xz File has unexpected size [IP: 192.0.2.1 80]",
        ),
    ]
    return page(
        results,
        kernels,
        header="the text of Linux 7.3.4",
        qemu="10.0",
        commit="0123456789abcdef",
        made=datetime(2026, 11, 23, tzinfo=UTC),
    )


def rows(text: str) -> list[list[str]]:
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| ")
    ]


def test_each_kernel_implementation_and_revision_has_a_row_in_their_order() -> None:
    text = made(
        [
            *(result("pass", kernel="current", impl="native") for _ in range(3)),
            result("pass", kernel="current"),
            *(result("pass", api="v4") for _ in range(2)),
            result("fail", arch="x86_64", api="v4"),
            result("skip", arch="s390x", api="v4"),
            result("error", arch="s390x"),
            result("pass", impl="header"),
        ]
    )
    assert rows(text) == [
        ["kernel", "implementation", "revision", "arm64", "s390x", "x86_64"],
        ["lts", "module", "v4", "2", "0, 1 skip", "0, 1 fail"],
        ["lts", "module", "merged", "-", "0, 1 error", "-"],
        ["lts", "header", "merged", "1", "-", "-"],
        ["current", "module", "merged", "1", "-", "-"],
        ["current", "native", "merged", "3", "-", "-"],
    ]
    assert "All together: 7 pass, 1 fail, 1 error, 1 skip." in text
    assert "* 1: comes to switch with preemption off" in text


def test_versions_and_reasons_are_told_without_the_mirrors_name() -> None:
    text = made([result("pass")])
    assert "23 November 2026, QEMU 10.0, commit 0123456789ab" in " ".join(text.split())
    assert "* lts for arm64: Linux 7.3.4-cloud (7.3.4-1)\n" in text
    assert "* current for arm64: Linux 7.3.4-cloud (7.3.4-1), not run\n" in text
    assert (
        "* current for s390x: does not resolve: Failed to fetch dists/x/Packages.xz File has unexpected size\n" in text
    )
    assert "mirror.example" not in text
    assert "192.0.2.1" not in text
