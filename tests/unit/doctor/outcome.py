# SPDX-License-Identifier: GPL-2.0-only
"""The outcome of `lazymmu doctor`, read from its document and its table."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct


class Outcome(Struct, frozen=True):
    """What doctor printed."""

    status: int
    #: Name -> check.
    checks: Mapping[str, Mapping[str, Any]]
    text: str

    def blocking(self) -> list[str]:
        return [name for name, check in self.checks.items() if check["blocks"]]


def outcome(document_file: Path, status: int, text: str) -> Outcome:
    """Return the outcome. Every subject has a check whatever is broken, and the table agrees with the document."""
    document = json.loads(document_file.read_text())
    assert document["schema"] == 1
    assert document["works"] == (status == 0)
    assert text.splitlines()[-1].startswith("a run can work" if status == 0 else "a run cannot work: ")
    checks = {check["name"]: check for check in document["checks"]}
    for check in checks.values():
        assert set(check) == {"name", "state", "found", "next", "blocks", "facts"}
        assert check["state"] in ("ok", "missing", "broken", "note")
        assert f"{check['state']:<8} {check['name']:<22} {check['found'].splitlines()[0]}" in text
        assert check["next"] is None or f"-> {check['next']}" in text
    subjects = {"python", "host", "mmdebstrap", "setpriv", "sandbox", "cache", "disk", "guests", "results"}
    assert {*subjects, "accelerator s390x"} <= set(checks)
    return Outcome(status, checks, text)
