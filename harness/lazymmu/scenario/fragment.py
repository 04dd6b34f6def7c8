# SPDX-License-Identifier: GPL-2.0-only
"""Loads steps that a user types, by the rules of scenario files."""

from collections.abc import Sequence

from lazymmu.scenario.context import Context
from lazymmu.scenario.expansion import cases
from lazymmu.scenario.steps import read_steps
from lazymmu.scenario.strict_yaml.compose import compose
from lazymmu.scenario.strict_yaml.nodes import Listing
from lazymmu.scenario.strict_yaml.problems import Problems
from lazymmu.subject.case import Case, Step
from lazymmu.support.errors import ScenarioError

#: What messages call the text.
SOURCE = "typed"


def steps(text: str) -> tuple[Step, ...]:
    """Return the steps of a line of YAML, numbered from 0: of one step, `flush`, or of a list, `[enable, flush]`.

    Raises ScenarioError with every mistake. What only a run can show, such as a task that does not exist, is not seen.
    """
    problems = Problems()
    root = compose(text, SOURCE, problems)
    context = Context(problems)
    made: Sequence[Case] = ()
    if root is not None:
        listing = root if isinstance(root, Listing) else Listing(root.place, (root,))
        templates = read_steps(context, listing, "the line", empty=False)
        made = () if templates is None else cases(context, root.place, templates, (), {}, [{}], ())
    if problems.found:
        raise ScenarioError(problems.found)
    return made[0].steps
