# SPDX-License-Identifier: GPL-2.0-only
"""Which scenarios can run on the running kernel's own implementation (docs/native.md)."""

from pathlib import Path

from lazymmu.subject.personalities import PERSONALITIES

from tests.unit import examples
from tests.unit.rows import each_row

ALL = examples.EVERYWHERE
NOT_X86 = examples.guests_with(*{*PERSONALITIES} - {"x86_64"})
# What the kernel does with writes is observed there. On Xen, a real TLB answers.
NOT_XEN = examples.guests_with("arm64", "ppc64", "radix")
OBSERVED = examples.guests_with("arm64", "ppc64", "radix", "xen")
_STEPS = "steps: [enable, set_pte: {index: 0, value: 1}, touch: 0, disable]\n"


@each_row(
    ("name", "text", "guests"),
    [
        ("nothing pinned", _STEPS, ALL),
        ("its own guests only", f"arch: [s390x, x86_64]\n{_STEPS}", ("s390x", "x86_64")),
        ("not about merged", f"api: [amended, v4]\n{_STEPS}", ()),
        ("an operation of others", "steps: [enable_with_ptes: {index: 0, count: 1}, disable]\n", ()),
        ("a fork", "steps: [fork: child]\n", ()),
        ("a fork after a repeat", "steps: [repeat: {times: 2, steps: [enable]}, fork: child]\n", ()),
        ("a personality is that of one guest", f"personality: x86_64\n{_STEPS}", ("x86_64",)),
        ("an answer", "steps: [touch: {index: 0, expect: true}]\n", OBSERVED),
        ("an answer in a context", "steps: [interrupt: [get_pte: {index: 0, expect: 0}]]\n", OBSERVED),
        ("one in a hook", "steps: [enable: {before_hook: [load: {index: 0, expect: 0}]}]\n", NOT_XEN),
        ("seen", "steps: [enable, check: {active: true, depth: 1, hooks: e, arch_enter: 1}]\n", ALL),
        ("outstanding", "steps: [check: {outstanding: 0}]\n", OBSERVED),
        ("a TLB's answer", "steps: [load: {index: 0, expect: 0}]\n", NOT_XEN),
        ("what only some kernels check", "steps: [check: {warnings: 0}]\n", ALL),
        ("the same at the end", f"{_STEPS}expect: {{counters: {{atomic_sleeps: 0}}}}\n", ALL),
        ("deferred in a repeat", "steps: [repeat: {times: 1, steps: [check: {deferred: 0}]}]\n", OBSERVED),
        ("pinned for another revision", "steps: [check: {deferred: 0, api: [amended]}]\n", ALL),
        ("for another guest", "steps: [check: {deferred: 0, arch: [x86_64]}]\n", NOT_X86),
        ("expect of hooks", f"{_STEPS}expect: {{hooks: el, hook_active: '10'}}\n", ALL),
        ("expect of what is seen", f"{_STEPS}expect: {{hooks: el, counters: {{enable: 1}}}}\n", ALL),
        ("expect of outstanding", f"{_STEPS}expect: {{outstanding: 0}}\n", OBSERVED),
        ("expect of one counter", f"{_STEPS}expect: {{counters: {{enable: 1, direct: 0}}}}\n", OBSERVED),
        ("expect of one guest", f"{_STEPS}expect: {{x86_64: {{values: [1]}}}}\n", NOT_X86),
        ("expect of another revision", f"{_STEPS}expect: {{amended: {{table: {{}}}}}}\n", ALL),
        (
            "each counter by itself",
            f"{_STEPS}expect: {{counters: {{direct: 0}}, merged: {{counters: {{enable: 1}}}}}}\n",
            OBSERVED,
        ),
        (
            "counters that are seen",
            f"{_STEPS}expect: {{amended: {{counters: {{direct: 0}}}}, merged: {{counters: {{enable: 1}}}}}}\n",
            ALL,
        ),
    ],
)
def test_a_scenario_runs_natively_where_all_that_it_pins_is_seen(
    tmp_path: Path, name: str, text: str, guests: tuple[str, ...]
) -> None:
    assert examples.scenario(tmp_path, f"description: x\n{text}").native == guests, name
