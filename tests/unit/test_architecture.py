# SPDX-License-Identifier: GPL-2.0-only
"""A mistake in the file of an architecture is named with its line."""

from pathlib import Path

import pytest
from lazymmu import architecture
from lazymmu.provision import parts
from lazymmu.support.errors import SetupError

RIGHT = (Path(architecture.__file__).parent / "architectures" / "s390x.toml").read_text()


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ('debian = "s390x"', "debian = s390x", "mine.toml:6: Invalid value"),
        ("lowcore = 0", "lowcore = [", "mine.toml:35: "),
        ("memory = 192", 'memory = "192"', "mine.toml:16: the architecture's `memory` is '192'"),
        ("[areas]", "[places]", "mine.toml:34: no architecture has a `places`"),
        ('cpu = "max"\n', "", "mine.toml:1: the architecture has no cpu"),
        ("default = true", 'name = "mine"', "mine.toml:4: no architecture has a `name`"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, right: str, wrong: str, message: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(RIGHT)
    assert architecture.read(file)._replace(name="s390x") == architecture.architecture("s390x")
    file.write_text(RIGHT.replace(right, wrong))
    with pytest.raises(SetupError) as raised:
        architecture.read(file)
    assert message in str(raised.value)


def test_a_variant_has_what_its_file_does_not_give_from_another_and_its_packages(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    (tmp_path / "s390x.toml").write_text(RIGHT)
    file.write_text('variant_of = "s390x"\ncpu = "z14"\n')
    whole, variant = architecture.read(tmp_path / "s390x.toml"), architecture.read(file)
    assert (variant.name, variant.cpu, variant.packages_of) == ("mine", "z14", "s390x")
    assert variant == whole._replace(name="mine", cpu="z14", default=False, variant_of="s390x")
    assert (whole.default, whole.packages_of) == (True, "s390x")
    assert parts.tools("ppc64-radix") == parts.tools("ppc64")
    file.write_text('variant_of = "s390"\n')
    with pytest.raises(SetupError, match=r"mine\.toml:1: `variant_of` names `s390`, which is no architecture"):
        architecture.read(file)
