# SPDX-License-Identifier: GPL-2.0-only
"""Tasks: declared and forked ones, which one runs where, and steps that cannot be done at their place."""

import pytest
from lazymmu.scenario import load
from lazymmu.subject.limits import MAX_TASK_NAME, MAX_TASKS
from lazymmu.support.errors import ScenarioError

from tests.unit.rows import each_row

from .workbench import Workbench, ops

HEAD = "tasks: {other: {cpu: 1}, third: {}}\n"


def test_declared_tasks_keep_their_order_and_start_on_their_cpus(bench: Workbench) -> None:
    scenario = bench.steps("[switch: z]", "tasks: {z: {cpu: 1}, a: {}, b-2: {cpu: 0}}\n")
    assert list(scenario.cases[0].tasks.items()) == [("z", 1), ("a", 0), ("b-2", 0)]
    assert bench.steps("[enable]").cases[0].tasks == {}


def test_a_task_s_cpu_may_vary(bench: Workbench) -> None:
    scenario = bench.steps("[switch: other, migrate: {cpu: 1}]", "vary: {c: [0]}\ntasks: {other: {cpu: $c}}\n")
    assert [case.tasks for case in scenario.cases] == [{"other": 0}]
    problem = bench.wrong("[switch: other, migrate: {cpu: 1}]", "vary: {c: [0, 1]}\ntasks: {other: {cpu: $c}}\n")
    assert problem == "4:39: task `other` is on CPU 1 already (with c: 1)"


@each_row(
    ("written", "meant"),
    [
        ("[switch: other, switch: main, switch: third]", "switch other switch main switch third"),
        ("[fork: child, switch: child, fork: grandchild, switch: grandchild, switch: main]",
         "fork child switch child fork grandchild switch grandchild switch main"),
        ("[migrate: {cpu: 1}, migrate: {cpu: 0}, sleep: 0, sleep: 1000]", "migrate 1 migrate 0 sleep 0 sleep 1000"),
        ("[pause_task: main, resume_task: other]", "pause_task main resume_task other"),
        ("[interrupt: [pause_task: other], enable: {before_hook: [resume_task: third]}]",
         "interrupt(pause_task other) enable<resume_task third>"),
        ("[check: {task: other, active: false}, check: {active: false}]", "check other check"),
        # A task stays on the CPU that it was on, and a new one begins on that of its parent.
        ("[migrate: {cpu: 1}, switch: other, migrate: {cpu: 0}, switch: main, migrate: {cpu: 0}]",
         "migrate 1 switch other migrate 0 switch main migrate 0"),
        ("[migrate: {cpu: 1}, fork: child, switch: child, migrate: {cpu: 0}]",
         "migrate 1 fork child switch child migrate 0"),
        ("[lazy: [switch: other, lazy: [flush], switch: main]]",
         "enable switch other enable flush disable switch main disable"),
        ("[repeat: {times: 2, steps: [switch: other, switch: main]}]",
         "switch other switch main switch other switch main"),
        ("[repeat: {times: 2, as: i, steps: [repeat: {times: $i, steps: [fork: child]}]}]", "fork child"),
    ],
)  # fmt: skip
def test_tasks_switch_fork_and_migrate(bench: Workbench, written: str, meant: str) -> None:
    assert ops(bench.steps(written, HEAD)) == meant


def test_a_check_of_a_task_keeps_its_name(bench: Workbench) -> None:
    (step,) = bench.steps("[check: {task: other, depth: 1}]", HEAD).cases[0].steps
    assert step.check is not None
    assert (step.check.task, step.check.pins, step.args) == ("other", {"depth": 1}, {"task": "other"})


@each_row(
    ("written", "problem"),
    [
        ("[switch: main]", "3:17: task `main` runs already"),
        ("[switch: other, switch: third, switch: third]", "3:47: task `third` runs already"),
        ("[migrate: {cpu: 0}]", "3:24: task `main` is on CPU 0 already"),
        ("[switch: other, migrate: {cpu: 1}]", "3:39: task `other` is on CPU 1 already"),
        ("[fork: child, migrate: {cpu: 1}, switch: child, migrate: {cpu: 0}]",
         "3:71: task `child` is on CPU 0 already"),
        ("[switch: othr]", "3:17: unknown task `othr` (did you mean `other`?)"),
        ("[check: {task: x9, depth: 0}]", "3:23: unknown task `x9`"),
        ("[enable: {before_hook: [check: {task: x9, depth: 0}]}]", "3:46: unknown task `x9`"),
        ("[switch: child, fork: child]", "3:17: there is no task `child` yet: no `fork` of it ran before"),
        ("[pause_task: child, fork: child]", "3:21: there is no task `child` yet"),
        ("[repeat: {times: 0, steps: [fork: child]}, switch: child]", "3:59: there is no task `child` yet"),
        ("[fork: other]", "3:15: task `other` exists already: a `fork` needs a new name"),
        ("[repeat: {times: 2, steps: [fork: child]}]", "3:42: task `child` exists already"),
        ("[repeat: {times: 2, steps: [switch: other]}]", "3:44: task `other` runs already"),
        ("[repeat: {times: 3, as: i, steps: [repeat: {times: $i, steps: [fork: child]}]}]",
         "3:77: task `child` exists already: a `fork` needs a new name"),
        ("[lazy: [switch: other]]", "3:9: `lazy` begins in task `main` and ends in `other`: switch back"),
        ("[lazy_with_ptes: {index: 0, count: 1, steps: [switch: other]}]", "3:9: `lazy_with_ptes` begins in task"),
        ("[fork: c, switch: c, lazy: [lazy: [switch: main], switch: c]]",
         "3:36: `lazy` begins in task `c` and ends in `main`"),
        ("[sleep: 1001]", "3:16: `sleep` takes an integer from 0 to 1000, not `1001`"),
        ("[sleep: {ms: 1}]", "3:16: `sleep` takes an integer from 0 to 1000, not a mapping"),
        ("[migrate: 1]", "3:18: `migrate` takes {cpu: ..}, not `1`"),
        ("[migrate: {cpu: 2}]", "3:24: `cpu` takes an integer from 0 to 1, not `2`"),
        ("[switch: 3]", "3:17: `switch` takes a task's name (letters, digits, `_` and `-`), not `3`"),
        ("[switch: [other]]", "3:17: `switch` takes a task's name (letters, digits, `_` and `-`), not a list"),
        ("[switch: 'a b']", "3:17: `a b` cannot be a task's name: letters, digits, `_` and `-`"),
        ("[fork: 'é']", "3:15: `é` cannot be a task's name"),
        (f"[fork: {'a' * (MAX_TASK_NAME + 1)}]", f"3:15: `{'a' * 33}` is too long for a task's name: 32 at most"),
        ("[fork: $n]",
         "3:15: `fork` takes a task's name (letters, digits, `_` and `-`): a `$name` is not allowed"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_named_at_its_place(bench: Workbench, written: str, problem: str) -> None:
    assert bench.wrong(written, HEAD).startswith(problem)


@each_row(
    ("written", "problem"),
    [
        ("[meanwhile: {task: main, steps: [flush]}]",
         "3:27: task `main` runs already: `meanwhile` needs a task of the other CPU"),
        ("[meanwhile: {task: third, steps: [flush]}]",
         "3:27: task `third` is on CPU 0, as the running task `main`: `meanwhile` needs a task of the other CPU"),
        ("[switch: other, meanwhile: {task: other, steps: [flush]}]", "3:42: task `other` runs already"),
        ("[migrate: {cpu: 1}, meanwhile: {task: other, steps: [flush]}]", "3:46: task `other` is on CPU 1, as"),
        ("[meanwhile: {task: child, steps: [flush]}, fork: child]", "3:27: there is no task `child` yet"),
        ("[meanwhile: {task: nobody, steps: [flush]}]", "3:27: unknown task `nobody` (known: main, other, third)"),
        ("[meanwhile: {task: $n, steps: [flush]}]", "3:27: `task` takes a task's name"),
        ("[flush: {before_hook: [switch: other]}]",
         "3:9: `before_hook` begins in task `main` and ends in `other`: switch back before its end"),
        ("[flush: {before_hook: [meanwhile: {task: other, steps: [check: {task: child, depth: 0}]}]}, fork: child]",
         "3:78: there is no task `child` yet: no `fork` of it ran before"),
        ("[flush: {before_hook: [fork: child]}, fork: child]", "3:52: task `child` exists already"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_on_two_cpus_is_named_at_its_place(bench: Workbench, written: str, problem: str) -> None:
    assert bench.wrong(written, HEAD).startswith(problem)


def test_tasks_may_move_in_a_before_hook_and_run_meanwhile(bench: Workbench) -> None:
    assert ops(
        bench.steps("[flush: {before_hook: [switch: other, sleep: 1, switch: main, migrate: {cpu: 1}]}]", HEAD)
    ) == ("flush<switch other sleep 1 switch main migrate 1>")
    assert ops(
        bench.steps("[flush: {before_hook: [meanwhile: {task: other, steps: [peek: 0, might_sleep]}]}]", HEAD)
    ) == ("flush<meanwhile other(peek 0 might_sleep)>")


def test_a_step_that_runs_in_some_revisions_is_checked_in_all(bench: Workbench) -> None:
    # merged calls no hook for a pause outside a section, so the steps before it do not run there.
    steps = "[pause: {before_hook: [switch: main]}]"
    assert bench.wrong(steps) == "2:39: task `main` runs already (for example in proposal as arm64)"
    assert bench.steps(steps, "api: [merged]\n").apis == ("merged",)
    steps = "[pause: {before_hook: [check: {task: child, depth: 0}]}, fork: child]"
    assert bench.wrong(steps).endswith("no `fork` of it ran before (for example in proposal as arm64)")


@each_row(
    ("tasks", "problem"),
    [
        ("{}", "1:8: `tasks` is empty: it takes names, for example {other: {cpu: 1}}"),
        ("[other]", "1:8: `tasks` takes names, for example {other: {cpu: 1}}, not a list"),
        ("{main: {cpu: 0}}", "1:9: `main` cannot be declared: it always exists, on CPU 0"),
        ("{other: 1}", "1:16: `other` takes {cpu: 1}, or {} for CPU 0, not `1`"),
        ("{other: {cpu: 2}}", "1:22: `cpu` takes an integer from 0 to 1, not `2`"),
        ("{other: {cpus: 1}}", "1:17: unknown key `cpus` in `other` (did you mean `cpu`?)"),
        ("{1: {}}", "1:9: a key of `tasks` takes a task's name (letters, digits, `_` and `-`), not `1`"),
        ("{a.b: {}}", "1:9: `a.b` cannot be a task's name"),
        (f"{{{'a' * 33}: {{}}}}", "1:9: `aaaa"),
    ],
)
def test_a_wrong_declaration_is_named_at_its_place(bench: Workbench, tasks: str, problem: str) -> None:
    assert bench.wrong("[enable]", f"tasks: {tasks}\n").startswith(problem)


def test_64_tasks_with_main_and_no_more(bench: Workbench) -> None:
    def declared(number: int) -> str:
        return "tasks: {" + ", ".join(f"t{one}: {{}}" for one in range(number)) + "}\n"

    def forked(number: int) -> str:
        return "[" + ", ".join(f"fork: f{one}" for one in range(number)) + "]"

    assert len(bench.steps("[enable]", declared(MAX_TASKS - 1)).cases[0].tasks) == 63
    assert bench.wrong("[enable]", declared(MAX_TASKS)).endswith("more than 64 tasks with `main`")
    assert len(bench.steps(forked(33), declared(30)).cases[0].steps) == 33
    assert bench.wrong(forked(34), declared(30)).endswith("more than 64 tasks with `main`")


def test_each_case_is_checked(bench: Workbench) -> None:
    found = bench.refuse(
        "description: d\nvary: {n: [1, 0, 2]}\n"
        "steps:\n  - repeat: {times: $n, steps: [fork: child]}\n  - switch: child\n"
    )
    assert found == [
        "4:39: task `child` exists already: a `fork` needs a new name (with n: 2)",
        "5:13: there is no task `child` yet: no `fork` of it ran before (with n: 0)",
    ]


def test_equal_mistakes_of_several_cases_are_reported_once_for_the_first(bench: Workbench) -> None:
    found = bench.refuse(
        "description: d\nvary: {n: [1, 2, 3], m: [0, 1]}\n"
        "steps: [repeat: {times: $n, steps: [flush]}, switch: main]\nexpect: {outstanding: $m}\n"
    )
    assert found == ["3:54: task `main` runs already (with n: 1, m: 0)"]


def test_all_mistakes_of_the_text_are_reported_together(bench: Workbench) -> None:
    found = bench.refuse(
        "description: d\ntasks: {other: {}}\nsteps:\n  - touch: 256\n  - fork: 1\n  - irqs_off: [switch: othr]\n"
        "  - sleep: 2000\nexpect: {tasks: {thrd: {active: true}}}\n"
    )
    assert [problem.split(" ")[0] for problem in found] == ["4:12:", "5:11:", "6:16:", "7:12:"]
    found = bench.refuse("description: d\nsteps: [switch: othr, touch: 256]\nexpect: {tasks: {thrd: {active: true}}}\n")
    assert [problem.split(" ")[0] for problem in found] == ["2:17:", "2:30:", "3:18:"]


def test_steps_that_cannot_be_done_are_reported_with_the_mistakes_of_other_files(bench: Workbench) -> None:
    for name, steps in (
        ("a", "[switch: main]"),
        ("b", "[touch: 256]"),
        ("c", "[migrate: {cpu: 0}]"),
        ("d", "[enable]"),
    ):
        bench.write(f"description: d\nsteps: {steps}\n", f"{name}.yaml")
    with pytest.raises(ScenarioError) as caught:
        load([], bench.library)
    assert [str(problem).removeprefix(f"{bench.library}/") for problem in caught.value.problems] == [
        "a.yaml:2:17: task `main` runs already",
        "b.yaml:2:16: `touch` takes an integer from 0 to 255, not `256`",
        "c.yaml:2:24: task `main` is on CPU 0 already",
    ]


def test_nothing_is_guessed_after_a_step_that_could_not_be_read(bench: Workbench) -> None:
    for step in ("swich: other", "frok: child", "migrate: {cpu: 7}", "lazy: 3", "repeat: {times: x, steps: []}"):
        problem = bench.wrong(f"[{step}, switch: main, switch: third]", HEAD)
        assert problem.startswith("3:")


def test_a_task_that_a_misspelt_fork_would_make_may_be_pinned(bench: Workbench) -> None:
    text = "description: d\nsteps: [enable, frok: child]\nexpect: {tasks: {child: {active: false}}}\n"
    assert bench.refuse(text) == ["2:17: unknown step `frok` (did you mean `fork`?)"]
