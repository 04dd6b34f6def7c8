# SPDX-License-Identifier: GPL-2.0-only
"""The archive of scenarios for a guest without Python."""

import gzip
import io
import tarfile

from lazymmu.scenario import load
from lazymmu.session.selection import Selection, units
from lazymmu.shell import library
from lazymmu.support.project import LIBRARY


def test_the_archive_has_each_case_where_run_scenario_looks_for_it() -> None:
    selection = Selection(arches=("s390x",), apis=("merged",))
    packed = library.archive(units(load(["nesting/deep"], LIBRARY), selection))
    # The same cases are the same bytes.
    assert packed == library.archive(units(load(["nesting/deep"], LIBRARY), selection))
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        assert tar.getnames() == ["merged.tar.gz"]
        part = tar.extractfile("merged.tar.gz")
        assert part is not None
        merged = gzip.decompress(part.read())
    with tarfile.open(fileobj=io.BytesIO(merged)) as tar:
        texts = {member.name: tar.extractfile(member).read().decode() for member in tar}  # type: ignore[union-attr]
    cases = sorted(name.removesuffix(".program") for name in texts if name.endswith(".program"))
    assert cases[0] == "merged/nesting/deep/00000" and len(texts) == 3 * len(cases)
    for number, case in enumerate(cases, start=1):
        assert f"\nrun {number}\n" in texts[f"{case}.program"]
        assert texts[f"{case}.report"].startswith(f"run {number} begin revision=merged personality=s390x ")
        assert texts[f"{case}.values"].startswith("[")
