# SPDX-License-Identifier: GPL-2.0-only
"""Which scenarios can run on the running kernel's own implementation (docs/native.md)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit import examples

ALL = examples.EVERYWHERE
NOT_ARM64 = examples.guests_with("s390x", "x86_64")
_STEPS = "steps: [enable, set_pte: {index: 0, value: 1}, touch: 0, disable]\n"


@pytest.mark.parametrize(
    ("text", "guests"),
    [
        pytest.param(_STEPS, ALL, id="nothing pinned"),
        pytest.param(f"arch: [s390x, x86_64]\n{_STEPS}", ("s390x", "x86_64"), id="its own guests only"),
        pytest.param(f"api: [amended, v4]\n{_STEPS}", (), id="not about merged"),
        pytest.param("steps: [enable_with_ptes: {index: 0, count: 1}, disable]\n", (), id="an operation of others"),
        pytest.param("steps: [fork: child]\n", (), id="a fork"),
        pytest.param("steps: [repeat: {times: 2, steps: [enable]}, fork: child]\n", (), id="a fork behind a repeat"),
        pytest.param(f"personality: x86_64\n{_STEPS}", ("x86_64",), id="a personality is that of one guest"),
        pytest.param("steps: [touch: {index: 0, expect: true}]\n", (), id="an answer"),
        pytest.param("steps: [interrupt: [get_pte: {index: 0, expect: 0}]]\n", (), id="an answer in a context"),
        pytest.param("steps: [enable: {before_hook: [load: {index: 0, expect: 0}]}]\n", (), id="one in a hook"),
        pytest.param("steps: [enable, check: {active: true, depth: 1, hooks: e, arch_enter: 1}]\n", ALL, id="seen"),
        pytest.param("steps: [check: {outstanding: 0}]\n", (), id="outstanding"),
        pytest.param("steps: [check: {warnings: 0}]\n", (), id="warnings"),
        pytest.param("steps: [repeat: {times: 1, steps: [check: {deferred: 0}]}]\n", (), id="deferred in a repeat"),
        pytest.param("steps: [check: {deferred: 0, api: [amended]}]\n", ALL, id="pinned for another revision"),
        pytest.param("steps: [check: {deferred: 0, arch: [arm64]}]\n", NOT_ARM64, id="for another guest"),
        pytest.param(f"{_STEPS}expect: {{hooks: el, hook_active: '10'}}\n", ALL, id="expect of hooks"),
        pytest.param(f"{_STEPS}expect: {{hooks: el, counters: {{enable: 1}}}}\n", ALL, id="expect of what is seen"),
        pytest.param(f"{_STEPS}expect: {{outstanding: 0}}\n", (), id="expect of outstanding"),
        pytest.param(f"{_STEPS}expect: {{counters: {{enable: 1, direct: 0}}}}\n", (), id="expect of one counter"),
        pytest.param(f"{_STEPS}expect: {{arm64: {{values: [1]}}}}\n", NOT_ARM64, id="expect of one guest"),
        pytest.param(f"{_STEPS}expect: {{amended: {{table: {{}}}}}}\n", ALL, id="expect of another revision"),
        pytest.param(
            f"{_STEPS}expect: {{counters: {{direct: 0}}, merged: {{counters: {{enable: 1}}}}}}\n",
            ALL,
            id="what is pinned for merged counts",
        ),
    ],
)
def test_a_scenario_runs_natively_where_all_that_it_pins_is_seen(
    tmp_path: Path, text: str, guests: tuple[str, ...]
) -> None:
    assert examples.scenario(tmp_path, f"description: x\n{text}").native == guests
