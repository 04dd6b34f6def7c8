# SPDX-License-Identifier: GPL-2.0-only
"""The sections of an object file get the addresses that they have in a guest."""

import subprocess
from io import BytesIO
from pathlib import Path

from elftools.elf.elffile import ELFFile
from lazymmu.guests.module_sections import located, sections_of

TEXT = "static int kept; int shared = 3; int *f(void) { return shared ? &kept : 0; }\n"


def test_sections_that_guests_have_get_their_addresses_and_nothing_else_changes(tmp_path: Path) -> None:
    (tmp_path / "x.c").write_text(TEXT)
    subprocess.run(["gcc", "-g", "-c", "x.c"], cwd=tmp_path, check=True)
    before = (tmp_path / "x.o").read_bytes()
    assert {".text", ".data", ".bss"} == {*sections_of(before)}
    addresses = {".text": 0xFFFF_8000_0000_1000, ".bss": 0x1234}
    after = located(before, addresses)
    found = {section.name: section["sh_addr"] for section in ELFFile(BytesIO(after)).iter_sections()}
    assert {name: address for name, address in found.items() if address} == addresses
    assert located(after, dict.fromkeys(addresses, 0)) == before
