# SPDX-License-Identifier: GPL-2.0-only
"""The outcome of `lazymmu doctor`, read from its document and its lines."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple


class Outcome(NamedTuple):
    """What doctor printed."""

    status: int
    #: Name -> check.
    checks: Mapping[str, Mapping[str, Any]]
    text: str

    def blocking(self) -> list[str]:
        return [name for name, check in self.checks.items() if check["blocks"]]


def outcome(document_file: Path, status: int, text: str, *, deep: bool = False) -> Outcome:
    """Return the outcome. Every subject has a check whatever is broken, and the lines agree with the document."""
    document = json.loads(document_file.read_text())
    assert (document["schema"], document["works"]) == (1, status == 0)
    assert text.splitlines()[-1].startswith("a run can work" if status == 0 else "a run cannot work: ")
    checks = {check["name"]: check for check in document["checks"]}
    assert len(checks) == len(document["checks"]), "a check is known by its name"
    for name, check in checks.items():
        assert set(check) == {"name", "state", "found", "next", "blocks", "facts"}
        assert check["state"] in ("ok", "missing", "broken", "note")
        if deep or check["state"] in ("missing", "broken"):
            assert f"{check['state']:<8} {name:<22} {check['found'].splitlines()[0]}" in text
            assert check["next"] is None or f"-> {check['next']}" in text
    assert {"python", "setpriv", "sandbox", "cache", "disk", "results"} <= set(checks)
    return Outcome(status, checks, text)
