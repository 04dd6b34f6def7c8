# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu export --kunit`: the C that it writes, and what it refuses. tests/guest/test_kunit.py compiles it."""

from pathlib import Path

import pytest
from lazymmu.cli import main
from lazymmu.session.kunit import export as kunit_export

Said = pytest.CaptureFixture[str]


def exported(path: Path, text: str, said: Said) -> tuple[list[str], str]:
    """Return the lines of the first test's body for a scenario with this text, and what the command says."""
    path.write_text(f"description: x\n{text}")
    assert main(["export", "--kunit", str(path)]) == 0
    out, err = said.readouterr()
    body = out.partition("(struct kunit *test)\n{\n")[2].partition("\n}\n")[0]
    return [line for line in body.splitlines() if line], err


def refused(path: Path, text: str, said: Said) -> list[str]:
    """Return what the command says when it refuses a scenario with this text, without the path."""
    path.write_text(f"description: x\n{text}")
    assert main(["export", "--kunit", str(path), "--output", str(path.with_suffix(".c"))]) == 2
    assert not path.with_suffix(".c").exists()
    lines = said.readouterr().err.removeprefix("lazymmu: ").splitlines()
    return [line.removeprefix(f"{path}:") for line in lines]


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path("a.yaml")


def test_each_call_is_followed_by_what_the_model_expects(path: Path, capsys: Said) -> None:
    body, said = exported(
        path, "steps: [enable, lazy: [pause, flush, resume], check: {active: true}, disable]\n", capsys
    )
    assert body == [
        '\texpect_state(test, "a", false, 0, 0);',
        "\tlazy_mmu_mode_enable();",
        '\texpect_state(test, "a:2", true, 1, 0);',
        "\t{",
        "\t\tlazy_mmu_mode_enable();",
        '\t\texpect_state(test, "a:2", true, 2, 0);',
        "\t\tlazy_mmu_mode_pause();",
        '\t\texpect_state(test, "a:2", false, 2, 1);',
        "\t\tarch_flush_lazy_mmu_mode();",
        '\t\texpect_state(test, "a:2", false, 2, 1);',
        "\t\tlazy_mmu_mode_resume();",
        '\t\texpect_state(test, "a:2", true, 2, 0);',
        "\t\tlazy_mmu_mode_disable();",
        '\t\texpect_state(test, "a:2", true, 1, 0);',
        "\t}",
        "\tlazy_mmu_mode_disable();",
        '\texpect_state(test, "a:2", false, 0, 0);',
    ]
    assert said == ""


def test_equal_calls_in_a_row_are_a_loop_as_far_as_their_states_are_a_series(path: Path, capsys: Said) -> None:
    text = "steps: [repeat: {times: 255, steps: [enable]}, repeat: {times: 255, steps: [disable]}]\n"
    body, _ = exported(path, text, capsys)
    assert body == [
        "\tint i;",
        '\texpect_state(test, "a", false, 0, 0);',
        "\tfor (i = 0; i < 255; i++) {",
        "\t\tlazy_mmu_mode_enable();",
        '\t\texpect_state(test, "a:2", true, 1 + i, 0);',
        "\t}",
        # The last one is another case: it is not active.
        "\tfor (i = 0; i < 254; i++) {",
        "\t\tlazy_mmu_mode_disable();",
        '\t\texpect_state(test, "a:2", true, 254 - i, 0);',
        "\t}",
        "\tlazy_mmu_mode_disable();",
        '\texpect_state(test, "a:2", false, 0, 0);',
    ]


def test_what_the_kernel_warns_of_is_counted(path: Path, capsys: Said) -> None:
    body, said = exported(path, "steps: [resume, check: {warnings: 1, pause_count: 255}, pause]\n", capsys)
    counted = "\t\tKUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, IS_ENABLED(CONFIG_DEBUG_VM));"
    assert body[1:6] == [
        "\tkunit_warning_suppress(test) {",
        "\t\tlazy_mmu_mode_resume();",
        counted,
        "\t}",
        '\texpect_state(test, "a:2", false, 0, 255);',
    ]
    assert body.count(counted) == 2
    assert said == ""


def test_a_test_leaves_its_thread_as_it_was(path: Path, capsys: Said) -> None:
    clear = "\tcurrent->lazy_mmu_state = (struct lazy_mmu_state) {};"
    body, _ = exported(path, "steps: [enable, enable, pause]\n", capsys)
    assert body[-2:] == ["\t/* The scenario ends in a section or a pause. The thread must not. */", clear]
    body, _ = exported(path, "steps: [enable, enable]\n", capsys)
    assert body[-2:] == ["\tarch_leave_lazy_mmu_mode();", clear]
    body, _ = exported(path, "steps: [enable, pause, resume, disable]\n", capsys)
    assert clear not in body


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("steps: [set_pte: {index: 0, value: 1}, touch: 0]\n",
         ["2:9: KUnit cannot express `set_pte`: the page table", "2:40: KUnit cannot express `touch`: the page table"]),
        ("steps: [interrupt: [enable]]\n", ["2:9: KUnit cannot express `interrupt`: an expectation"]),
        ("steps: [repeat: {times: 3, steps: [bh_disabled: [enable]]}]\n",
         ["2:36: KUnit cannot express `bh_disabled`: an expectation"]),
        ("tasks: {other: {cpu: 0}}\nsteps: [switch: other]\n", ["3:9: KUnit cannot express `switch`: a KUnit case is"]),
        ("tasks: {other: {cpu: 0}}\nsteps: [check: {task: other, active: false}]\n",
         ["3:9: KUnit cannot express `task` of a check: a KUnit case is one task"]),
        ("steps: [pause_task: main]\n", ["2:9: KUnit cannot express `pause_task`: only an architecture"]),
        ("steps: [might_sleep]\n", ["2:9: KUnit cannot express `might_sleep`: the kernel does not tell"]),
        ("steps: [enable: {before_hook: [pause]}]\n", ["2:9: KUnit cannot express `before_hook`: nothing runs"]),
        ("steps: [disable, pause, resume]\n",
         ["2:18: KUnit cannot express `pause` here: it leaves the mode once more than it was entered"]),
        ("api: [v3]\nsteps: [enable]\n", ["1:1: the scenario is about v3, and KUnit can test only merged"]),
        ("steps: [enable_with_ptes: {index: 0, count: 1}]\n", ["1:1: the scenario is about amended, with-ptes, and"]),
    ],
)  # fmt: skip
def test_what_kunit_cannot_express_is_refused_by_name_and_place(
    path: Path, text: str, messages: list[str], capsys: Said
) -> None:
    said = refused(path, text, capsys)
    assert len(said) == len(messages)
    for line, message in zip(said, messages, strict=True):
        assert line.startswith(message)


def test_pins_that_a_test_cannot_see_are_named(path: Path, capsys: Said) -> None:
    check = "check: {hooks: e, active: true, enable: 1}"
    text = f"steps: [enable, {check}]\nexpect: {{counters: {{warnings: 0, arch_enter: 1}}}}\n"
    _, said = exported(path, text, capsys)
    unseen = "is not in the test: KUnit cannot see it"
    assert said.splitlines() == [
        f"a.yaml:2:17: note: `enable` {unseen}",
        f"a.yaml:2:17: note: `hooks` {unseen}",
        f"a.yaml:3:10: note: `arch_enter` {unseen}",
    ]
    # What does not hold for the kernel's revision is not missed.
    _, said = exported(
        path, "steps: [enable]\nexpect: {v3: {hooks: e}, merged: {tasks: {main: {active: true}}}}\n", capsys
    )
    assert said == ""


def test_a_pin_that_the_model_contradicts_writes_nothing(path: Path, capsys: Said) -> None:
    path.write_text("description: x\nsteps: [enable, check: {depth: 2}]\n")
    assert main(["export", "--kunit", str(path), "-o", "a.c"]) == 1
    assert [line.split() for line in capsys.readouterr().out.splitlines()[-2:]] == [
        ["pinned", "2"],
        ["the", "model", "says", "1"],
    ]
    assert not Path("a.c").exists()


def test_the_suite_has_the_file_s_name_and_each_case_a_function(path: Path, capsys: Said) -> None:
    path.write_text('description: "a */ b"\nvary: {n: [1, 2]}\nsteps: [repeat: {times: $n, steps: [pause]}]\n')
    Path("A.yaml").write_text(path.read_text())
    assert main(["export", "--kunit", "a.yaml", "./A.yaml", "--output", "lazy_kunit.c"]) == 0
    text = Path("lazy_kunit.c").read_text()
    assert '.name = "lazy",' in text
    assert "a * / b" in text
    cases = [f"\tKUNIT_CASE(test_a_n_{n}{again})," for again in ("", "__2") for n in (1, 2)]
    assert [line for line in text.splitlines() if "KUNIT_CASE" in line] == cases
    names = {"": "lazy_mmu_mode_scenarios", "x_test": "x", "2nd": "lazy_mmu_mode_scenarios_2nd"}
    assert {name: kunit_export.suite_name(name) for name in names} == names


def test_the_format_and_a_scenario_must_be_named(capsys: Said) -> None:
    assert main(["export", "nesting/single"]) == 2
    assert "the following arguments are required: --kunit" in capsys.readouterr().err
    assert main(["export", "--kunit"]) == 2
    assert main(["export", "--kunit", "nesting/single", "-o", "/"]) == 2
    assert "--output `/` is not a file in an existing folder" in capsys.readouterr().err
