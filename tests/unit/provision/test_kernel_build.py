# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu kernel build`: the fragments, and builds of a small tree whose makefile plays kbuild."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import pytest
from lazymmu import cli
from lazymmu.provision import kernel_build, kernel_config, own_kernels
from lazymmu.provision.cache import Cache
from lazymmu.provision.kernel_build import BuildError, Recipe
from lazymmu.provision.progress import Progress
from lazymmu.provision.sandbox import Sandbox
from lazymmu.support.errors import UsageError
from msgspec import field

from tests.trees import built, source, write


class Host(Sandbox, frozen=True):
    """Runs the host's own make and sh, and notes what the sandbox would mount."""

    mounted: dict[Path, bool] = field(default_factory=dict)

    def command(
        self,
        argv: Sequence[str],
        *,
        writable: bool = False,
        also: Path | None = None,
        folders: Mapping[Path, bool] = MappingProxyType({}),
    ) -> list[str]:
        """Return the command as it is."""
        assert not writable and also is None
        self.mounted.update(folders)
        return list(argv)


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Host:
    """A sandbox of the host's own programs, in place of one with fetched tools."""
    monkeypatch.setenv("LAZYMMU_CACHE", str(tmp_path / "cache"))
    host = Host("bwrap", Path("/"))
    monkeypatch.setattr(kernel_build, "_sandbox", lambda *_, **__: host)
    return host


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A source tree."""
    return source(tmp_path / "linux")


def build(tmp_path: Path, recipe: Recipe) -> list[str]:
    return kernel_build.build(Cache(tmp_path / "cache", Progress()), recipe)


def test_every_architecture_and_debug_word_has_a_fragment_with_an_explanation() -> None:
    assert kernel_config.buildable() == ("arm64", "s390x", "x86_64", "ppc64", "riscv64", "x86_64-xen")
    assert kernel_config.debug_words() == (
        "atomic-sleep",
        "info",
        "kasan",
        "kunit",
        "lockdep",
        "pagealloc",
        "preempt-rt",
        "vm",
    )
    for arch in kernel_config.buildable():
        for file in kernel_config.fragments(arch, kernel_config.debug_words(), []):
            first, second, *lines = file.read_text().splitlines()
            assert first == "# SPDX-License-Identifier: GPL-2.0-only"
            assert second.startswith("# ")
            read = kernel_config.read(file)
            assert read and all(
                line.startswith("# ") or line in map(kernel_config.line, read, read.values()) for line in lines
            )


def test_a_word_of_debug_begins_with_what_it_means() -> None:
    first = {
        word: next(iter(kernel_config.read(kernel_config.debug_fragment(word)))) for word in kernel_config.debug_words()
    }
    assert first == {
        "atomic-sleep": "DEBUG_ATOMIC_SLEEP",
        "info": "DEBUG_INFO_DWARF5",
        "kasan": "KASAN",
        "kunit": "LAZY_MMU_MODE_KUNIT_TEST",
        "lockdep": "PROVE_LOCKING",
        "pagealloc": "DEBUG_PAGEALLOC",
        "preempt-rt": "PREEMPT_RT",
        "vm": "DEBUG_VM",
    }


def test_the_tree_is_only_read_and_the_folder_of_the_build_says_when_it_is_complete(
    tree: Path, host: Host, tmp_path: Path
) -> None:
    before = {path: path.stat().st_mtime_ns for path in tree.rglob("*")}
    recipe = Recipe(tree, "arm64", debug=("vm",))
    assert build(tmp_path, recipe) == []
    assert recipe.folder == own_kernels.builds_of(tree) / "arm64+vm"
    assert host.mounted == {tree: False, recipe.folder: True}
    assert sorted((recipe.folder / "made").read_text().splitlines()) == ["arm64 Image", "arm64 modules"]
    assert (recipe.folder / own_kernels.BUILT).read_text() == "arm64\n"
    assert {path: path.stat().st_mtime_ns for path in tree.rglob("*")} == before
    config = kernel_config.read(recipe.folder / ".config")
    assert config["DEBUG_VM"] == config["VIRTIO_CONSOLE"] == config["PCI_HOST_GENERIC"] == "y"
    assert config["MODULE_SIG_FORCE"] == "n"


def test_the_options_of_a_users_fragment_that_cannot_be_set_are_named_with_the_reason(
    tree: Path, host: Host, tmp_path: Path
) -> None:
    own = tmp_path / "own.config"
    write(own, "CONFIG_ABSENT_HERE=y\nCONFIG_ABSENT_HIDDEN=y\nCONFIG_ABSENT_IN_MENU=y\nCONFIG_ABSENT_EVERYWHERE=y\n")
    assert build(tmp_path, Recipe(tree, "arm64", fragments=(own,))) == [
        "CONFIG_ABSENT_HERE=y: it depends on MMU && ABSENT_TOO && !SMP && !ABSENT_MENU; off: MMU, ABSENT_TOO; on: SMP",
        "CONFIG_ABSENT_HIDDEN=y: only other options can select it",
        "CONFIG_ABSENT_IN_MENU=y: it depends on ABSENT_MENU && SMP; off: ABSENT_MENU",
        "CONFIG_ABSENT_EVERYWHERE=y: this tree has no such option",
    ]


def test_what_the_harness_needs_and_the_tree_does_not_know_is_named(tree: Path, host: Host, tmp_path: Path) -> None:
    own = tmp_path / "own.config"
    write(own, "# CONFIG_MODULES is not set\n")
    lines = build(tmp_path, Recipe(tree, "arm64", fragments=(own,)))
    assert lines == ["CONFIG_MODULES=y: this tree has no such option"]


def test_a_debug_word_and_an_option_of_the_harness_that_cannot_be_set_are_refused(
    tree: Path, host: Host, tmp_path: Path
) -> None:
    script = tree / "scripts/kconfig/merge_config.sh"
    write(
        script,
        'shift 3\ncat "$@" | sed s/^CONFIG_DEBUG_PAGEALLOC=y/CONFIG_DEBUG_PAGEALLOC=ABSENT_/ >$KCONFIG_CONFIG\n',
    )
    with pytest.raises(
        UsageError,
        match=r"on arm64 this is needed and cannot be set:\n    --debug pagealloc: CONFIG_DEBUG_PAGEALLOC=ABSENT_: ",
    ):
        build(tmp_path, Recipe(tree, "arm64", debug=("pagealloc",)))
    own = tmp_path / "own.config"
    write(own, "# CONFIG_MODULES is not set\n")
    write(tree / "init/Kconfig", 'config MODULES\n\tbool "x"\n')
    with pytest.raises(UsageError, match=r"this is needed and cannot be set:\n    CONFIG_MODULES=y: it is n"):
        build(tmp_path, Recipe(tree, "arm64", fragments=(own,)))
    assert not list((tmp_path / "cache").rglob("made"))


def test_a_tree_that_does_not_build_shows_the_compilers_lines_and_counts_as_unfinished(
    tree: Path, host: Host, tmp_path: Path
) -> None:
    recipe = Recipe(tree, "arm64")
    build(tmp_path, recipe)
    noise = "".join(f"  CC      a{number}.o\n" for number in range(40))
    write(tree / "broken.c", f"mm/x.c:7:2: error: expected ';'\n{noise}make: *** [x] Error 1\n")
    with pytest.raises(BuildError) as caught:
        build(tmp_path, recipe)
    assert caught.value.exit_status == 3
    head, first, *rest = caught.value.message.splitlines()
    assert head == f"{tree} does not build for arm64:"
    assert first == "    mm/x.c:7:2: error: expected ';'"
    assert not any("CC " in line for line in rest)
    built(recipe.folder, tree)
    with pytest.raises(UsageError, match="did not finish"):
        own_kernels.of_path(str(recipe.folder))


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["{tree}", "--arch", "x86_64"], "it has no arch/x86, which x86_64 needs"),
        (["{tree}", "--arch", "arm64", "--debug", "vm,kmsan"], "unknown debug word `kmsan`"),
        (["{tree}", "--arch", "arm64", "--fragment", "nowhere"], "nowhere: there is no such file"),
        (["{tree}", "--arch", "arm64", "--out", "{tree}/out"], "it is in the tree, into which nothing is written"),
        (["{tree}", "--arch", "arm64", "--arch", "s390x", "--out", "out"], "--out is the folder of one build"),
        (["{tree}/include", "--arch", "arm64"], "is not Linux"),
        (["{old}", "--arch", "arm64"], "is Linux 5.10.4; 6.1 or later is needed"),
        (["{used}", "--arch", "arm64"], "the tree was built in place: it has .config"),
    ],
)
def test_wrong_usage_is_refused_before_anything_is_fetched(
    tree: Path, tmp_path: Path, words: Sequence[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    old, used = source(tmp_path / "old", version=(5, 10)), source(tmp_path / "used")
    built(used, used)
    given = [word.format(tree=tree, old=old, used=used) for word in words]
    assert cli.main(["kernel", "build", *given]) == 2
    assert reason in capsys.readouterr().err
    assert cli.main(["kernel", "build", *given, "--bisect"]) == 125


def test_git_bisect_skips_a_commit_that_does_not_build(
    tree: Path, host: Host, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tree / "broken.c", "mm/x.c:7:2: error: x\n")
    words = ["kernel", "build", str(tree), "--arch", "arm64"]
    assert (cli.main(words), cli.main([*words, "--bisect"])) == (3, 125)
    (tree / "broken.c").unlink()
    assert cli.main(words) == 0
    assert f"arm64: lazymmu run --kernel {own_kernels.builds_of(tree)}/arm64" in capsys.readouterr().out
