# SPDX-License-Identifier: GPL-2.0-only
"""Pictures: one layout of what a case does over time, drawn as SVG and as text."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from lazymmu.reports.pictures import svg, text
from lazymmu.reports.pictures.timeline import Column, Lane, Timeline, timeline
from lazymmu.subject.simulator import predict
from msgspec.structs import replace

from tests.unit import examples

SVG = "{http://www.w3.org/2000/svg}"
TASKS = """\
description: Two tasks on two CPUs, contexts, and a pause.
tasks: {other: {cpu: 1}}
steps:
  - enable
  - set_pte: {index: 3, value: 0x1001}
  - interrupt: [enable, softirq: []]
  - pause: {before_hook: [touch: 3]}
  - meanwhile: {task: other, steps: [enable]}
  - resume
  - migrate: {cpu: 1}
  - disable
"""


def drawn(folder: Path, steps: str, api: str = "merged", personality: str = "s390x") -> Timeline:
    case = examples.case(folder, steps)
    return replace(timeline(case, api, {"predicted": predict(case, api, personality)}), title="a title")


def picture(*timelines: Timeline) -> ElementTree.Element:
    return ElementTree.fromstring(svg.svg(timelines))  # noqa: S314  (our own)


def texts(root: ElementTree.Element, tag: str = "text") -> list[str]:
    return [one.text or "" for one in root.iter(f"{SVG}{tag}")]


def sizes(root: ElementTree.Element) -> list[int]:
    """Return the size of each text, in pixels."""
    return [11 if "small" in (one.get("class") or "") else 12 for one in root.iter(f"{SVG}text")]


def test_steps_are_in_the_order_of_time_with_what_they_are_in(tmp_path: Path) -> None:
    one = drawn(tmp_path, TASKS.replace(", softirq: []", ""), personality="arm64")
    assert [(column.title, [span.text for span in column.spans]) for column in one.columns] == [
        ("enable", []),
        ("set_pte 3 0x1001", []),
        ("interrupt", ["interrupt"]),
        ("enable", ["interrupt"]),
        ("touch 3 = 0", ["before the hook of 4 pause"]),
        ("pause", []),
        ("meanwhile other", ["meanwhile other"]),
        ("enable", ["meanwhile other"]),
        ("resume", []),
        ("migrate 1", []),
        ("disable", []),
    ]


def test_a_task_has_a_lane_on_each_cpu_with_its_depth_pauses_and_hooks(tmp_path: Path) -> None:
    one = drawn(tmp_path, TASKS.replace(", softirq: []", ""), personality="arm64")
    assert one.lanes == (Lane("main", 0), Lane("other", 1), Lane("main", 1))
    (cells,) = zip(*(column.sides for column in one.columns), strict=True)
    main, other, moved = zip(*cells, strict=True)
    assert [cell.hooks for cell in main] == ["e", "", "", "", "", "l", "", "", "e", "", ""]
    assert [(cell.depth, cell.pauses, cell.on) for cell in main][4:9] == [
        *[(1, 1, False)] * 4,
        (1, 0, True),
    ]
    assert [cell.hooks for cell in other] == [*[""] * 7, "e", "", "", ""]
    assert [cell.runs for cell in moved] == [*[False] * 9, True, True]
    assert (moved[-1].depth, moved[-1].hooks) == (0, "l")
    assert [column.outstanding for column in one.columns][:3] == [(0,), (1,), (1,)]


@pytest.mark.parametrize(("api", "band"), [("proposal", (0, 0, True)), ("v4", (0, 0, True)), ("merged", (0, 0, False))])
def test_a_mode_that_is_on_outside_a_section_is_shown(tmp_path: Path, api: str, band: object) -> None:
    one = drawn(tmp_path, "description: x\nsteps: [pause, resume]\n", api)
    assert one.columns[-1].sides[0][0].band == band
    assert ("on outside a section" in "\n".join(text.text([one]))) == (band != (0, 0, False))


def test_the_text_has_a_line_for_each_step(tmp_path: Path) -> None:
    lines = list(text.text([drawn(tmp_path, TASKS.replace(", softirq: []", ""), personality="arm64")]))
    assert [re.sub(" +", " ", line.strip()) for line in lines] == [
        "a title",
        "step main, CPU 0 other, CPU 1 main, CPU 1 owed",
        "0 enable > e | 0",
        "1 set_pte 3 0x1001 > | 1",
        "2 interrupt: > | 1",
        "3 enable > | 1",
        "before the hook of 4 pause:",
        "5 touch 3 = 0 > : 1",
        "4 pause > l : 0",
        "6 meanwhile other: > : 0",
        "7 enable : > e | 0",
        "8 resume > e | | 0",
        "9 migrate 1 | | > | 0",
        "10 disable | | > l 0",
        "",
        "e arch_enter; l arch_leave; | a level of nesting; : a level while the task is paused",
        "owed: entries whose last write has not taken full effect",
    ]


def test_lines_that_are_repeated_are_shown_once_in_text(tmp_path: Path) -> None:
    def shown(times: int, marked: int | None = None) -> list[str]:
        body = "[{set_pte: {index: $i, value: 1}}, disable, enable]"
        steps = "[enable, " + ", ".join(body[1:-1].replace("$i", str(turn)) for turn in range(times)) + "]"
        case = examples.case(tmp_path, f"description: x\nsteps: {steps}\n")
        one = timeline(case, "merged", {"predicted": predict(case, "merged", "arm64")}, marked=marked)
        return list(text.text([one]))[2:-3]

    assert len(shown(3)) == 10
    folded = shown(50)
    assert [" ".join(line.split()) for line in folded] == [
        "0 enable e | 0",
        "1 set_pte 0 1 | 1",
        "2 disable l 0",
        "... these 3 lines 49 times more, with other numbers",
        "150 enable e | 0",
    ]
    marked = shown(50, 75)
    assert sum("times more" in line for line in marked) == 2
    assert [line.split()[:2] for line in marked if line.startswith(">")] == [[">", "75"]]


def test_the_longest_scenario_is_short_as_text() -> None:
    (scenario,) = (one for one in examples.library() if one.name == "field/vmalloc-kasan-own-writes")
    case = scenario.cases[-1]
    one = timeline(case, "merged", {"predicted": predict(case, "merged", "arm64")}, mark="word " * 50)
    lines = list(text.text([one]))
    assert len(lines) < 30
    assert max(map(len, lines)) <= text.WIDTH


def test_both_sides_are_shown_and_the_first_difference_is_marked(tmp_path: Path) -> None:
    case = examples.case(tmp_path, "description: x\nsteps: [enable, enable, disable, {touch: 1}]\n")
    predicted = predict(case, "merged", "arm64")
    wrong = [replace(record, hooks="", hook_active="") if record.index == 2 else record for record in predicted.steps]
    wrong[3] = replace(wrong[3], value=0)
    sides = {"predicted": predicted, "observed": replace(predicted, steps=tuple(wrong))}
    one = timeline(case, "merged", sides, marked=2, mark="step 2 disable: hooks")
    lines = list(text.text([one]))
    assert [line for line in lines if line.startswith(">")] == [
        "> step 2 disable: hooks",
        ">   2  disable                        f  |                       |                        0    0",
    ]
    assert any("touch 1 = 1 / = 0" in line for line in lines)
    root = picture(one)
    (mark,) = (box for box in root.iter(f"{SVG}rect") if box.get("class") == "mark")
    (step,) = (word for word in root.iter(f"{SVG}text") if word.text == "2 disable")
    assert float(mark.get("x", 0)) < float(step.get("x", 0)) < float(mark.get("x", 0)) + float(mark.get("width", 0))
    assert [word for word in texts(root) if word.startswith("CPU 0")] == ["CPU 0 predicted", "CPU 0 observed"]


def test_the_longest_scenario_wraps_into_rows_of_readable_text() -> None:
    longest = max(
        (case for one in examples.library() for case in one.cases), key=lambda case: sum(1 for _ in case.walk())
    )
    one = timeline(longest, "merged", {"predicted": predict(longest, "merged", "s390x")})
    root = picture(one)
    assert len(one.columns) > 1000
    assert int(root.get("width", 0)) == svg.WIDTH
    assert root.get("viewBox") == f"0 0 {root.get('width')} {root.get('height')}"
    for word, size in zip(root.iter(f"{SVG}text"), sizes(root), strict=True):
        assert size >= 11
        # A character is some 0.6 of its size wide.
        assert float(word.get("x", 0)) + 0.6 * size * len(word.text or "") <= svg.WIDTH
    steps = {word for word in texts(root) if re.fullmatch(r"\d+ [a-z_]+", word)}
    assert len(steps) == len(one.columns)
    assert "font: 12px" in svg.STYLE
    assert re.findall(r"font-size: *(\d+)", svg.STYLE) == ["11"]


@pytest.mark.exhaustive
def test_every_case_of_the_library_can_be_drawn_in_its_width() -> None:
    for scenario in examples.library():
        case, api = scenario.cases[0], scenario.apis[-1]
        personality = scenario.personality or scenario.personalities[0]
        one = replace(timeline(case, api, {"predicted": predict(case, api, personality)}), title=scenario.name)
        assert {column.step for column in one.columns} == {
            record.index for record in predict(case, api, personality).steps
        }
        assert max(map(len, text.text([one, one]))) <= text.WIDTH
        assert (
            max(map(len, text.text([replace(one, sides=("predicted", "observed"), columns=twice(one))]))) <= text.WIDTH
        )
        boxes = [box for box in picture(one).iter(f"{SVG}rect") if box.get("class")]
        assert all(float(box.get("x", 0)) + float(box.get("width", 0)) <= svg.WIDTH for box in boxes)


def twice(one: Timeline) -> tuple[Column, ...]:
    return tuple(
        replace(column, sides=column.sides * 2, outstanding=column.outstanding * 2, answers=column.answers * 2)
        for column in one.columns
    )


def test_nothing_a_user_wrote_is_markup_and_nothing_is_loaded(tmp_path: Path) -> None:
    case = examples.case(tmp_path, "description: x\nsteps: [enable, disable]\n")
    trace = predict(case, "merged", "arm64")
    hostile = "</text><script>alert(1)</script>\x1b&\ud800"
    records = tuple(replace(record, task=hostile, hooks="<", hook_active="1") for record in trace.steps)
    one = timeline(case, "merged", {hostile: replace(trace, steps=records)}, marked=1, mark=hostile)
    written = svg.svg([replace(one, title=hostile)])
    written.encode()
    root = ElementTree.fromstring(written)  # noqa: S314  (our own)
    tags = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert tags <= {"svg", "style", "title", "rect", "path", "text", "circle"}
    assert not re.search(r"url\(|@import|href|on[a-z]+=", written)
    assert "\x1b" not in written
    assert "prefers-color-scheme: dark" in written
