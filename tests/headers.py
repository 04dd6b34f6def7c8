# SPDX-License-Identifier: GPL-2.0-only
"""A `pgtable.h` in words of our own: Linux 7.0, Linux 7.2 and later, the s390 series, and the drafts.

docs/semantics.md says what each does.
"""

import re

HEAD = """\
/* The beginning of a header, not an #ifdef */
#ifndef _MINE_H
#define _MINE_H
"""

_FUNCTIONS = """\
static inline void lazy_mmu_mode_enable(void)
{
	struct lazy_mmu_state *mine = &current->lazy_mmu_state;

	if (in_interrupt() || mine->pause_count)
		return;
	VM_WARN_ON_ONCE(mine->enable_count == 255);
	mine->enable_count += 1;
	if (mine->enable_count == 1)
		arch_enter_lazy_mmu_mode();
}

static inline void lazy_mmu_mode_disable(void)
{
	struct lazy_mmu_state *mine = &current->lazy_mmu_state;

	if (in_interrupt() || mine->pause_count)
		return;
	VM_WARN_ON_ONCE(!mine->enable_count);
	mine->enable_count -= 1;
	if (mine->enable_count) {
		arch_flush_lazy_mmu_mode();
		return;
	}
	arch_leave_lazy_mmu_mode();
}
"""

_OF_TASKS = """\
static inline void __task_lazy_mmu_mode_pause(struct task_struct *whose)
{
	struct lazy_mmu_state *its = &whose->lazy_mmu_state;

	VM_WARN_ON_ONCE(its->pause_count == 255);
	its->pause_count += 1;
	if (its->pause_count == 1 && its->enable_count)
		arch_leave_lazy_mmu_mode();
}

static inline void __task_lazy_mmu_mode_resume(struct task_struct *whose)
{
	struct lazy_mmu_state *its = &whose->lazy_mmu_state;

	VM_WARN_ON_ONCE(!its->pause_count);
	its->pause_count -= 1;
	if (!its->pause_count && its->enable_count)
		arch_enter_lazy_mmu_mode();
}
"""

_CALLERS = """\
static inline void lazy_mmu_mode_pause(void)
{
	if (!in_interrupt())
		__task_lazy_mmu_mode_pause(current);
}

static inline void lazy_mmu_mode_resume(void)
{
	if (!in_interrupt())
		__task_lazy_mmu_mode_resume(current);
}
"""

# As in 7.0, which has no functions for another task
_WITHOUT = (
    _OF_TASKS.replace("__task_lazy", "lazy")
    .replace("struct task_struct *whose", "void")
    .replace("&whose->lazy_mmu_state;\n", "&current->lazy_mmu_state;\n\n\tif (in_interrupt())\n\t\treturn;")
)

_WITH_PTES = """\
#ifndef arch_enter_lazy_mmu_mode_with_ptes
static inline void arch_enter_lazy_mmu_mode_with_ptes(struct mm_struct *mm,
		unsigned long addr, unsigned long end, pte_t *ptep)
{
	arch_enter_lazy_mmu_mode();
}
#endif

static inline void lazy_mmu_mode_enable_with_ptes(struct mm_struct *mm,
		unsigned long addr, unsigned long end, pte_t *ptep)
{
	struct lazy_mmu_state *mine = &current->lazy_mmu_state;

	if (in_interrupt() || mine->pause_count)
		return;
	VM_WARN_ON_ONCE(mine->enable_count == 255);
	mine->enable_count += 1;
	if (mine->enable_count == 1)
		arch_enter_lazy_mmu_mode_with_ptes(mm, addr, end, ptep);
}
"""

# LEVEL and FLAG are the state.
_DRAFT = """\
static inline void lazy_mmu_mode_enable(void)
{
	struct lazy_mmu_state *mine = &current->lazy_mmu_state;

	if (in_interrupt())
		return;
	VM_WARN_ON(mine->LEVEL == 255);
	VM_WARN_ON(mine->LEVEL && !mine->FLAG);
	if (!mine->LEVEL) {
		arch_enter_lazy_mmu_mode();
		mine->FLAG = true;
	}
	mine->LEVEL += 1;
}

static inline void lazy_mmu_mode_disable(void)
{
	struct lazy_mmu_state *mine = &current->lazy_mmu_state;

	if (in_interrupt())
		return;
	VM_BUG_ON(!mine->LEVEL);
	VM_WARN_ON(!mine->FLAG);
	mine->LEVEL -= 1;
	if (mine->LEVEL) {
		arch_flush_lazy_mmu_mode();
		return;
	}
	mine->FLAG = false;
	arch_leave_lazy_mmu_mode();
}

static inline void lazy_mmu_mode_pause(void)
{
	if (in_interrupt())
		return;
	VM_WARN_ON(!current->lazy_mmu_state.LEVEL || !current->lazy_mmu_state.FLAG);
	current->lazy_mmu_state.FLAG = false;
	arch_leave_lazy_mmu_mode();
}

static inline void lazy_mmu_mode_resume(void)
{
	struct lazy_mmu_state *mine = &current->lazy_mmu_state;

	if (in_interrupt())
		return;
	VM_WARN_ON(!mine->LEVEL || mine->FLAG);
	arch_enter_lazy_mmu_mode();
	mine->FLAG = true;
}
"""

TAIL = """\
#else
static inline void lazy_mmu_mode_enable(void) {}
static inline void lazy_mmu_mode_disable(void) {}
static inline void lazy_mmu_mode_pause(void) {}
static inline void lazy_mmu_mode_resume(void) {}
#endif
#endif /* _MINE_H */
"""

IFDEF = "#ifdef CONFIG_ARCH_HAS_LAZY_MMU_MODE\n"

MERGED = HEAD + IFDEF + _FUNCTIONS + _OF_TASKS + _CALLERS + TAIL
OF_7_0 = HEAD + IFDEF + _FUNCTIONS + _WITHOUT + TAIL
EXTENDED = HEAD + IFDEF + _FUNCTIONS + _OF_TASKS + _CALLERS + _WITH_PTES + TAIL

_V3_FUNCTIONS = _DRAFT.replace("LEVEL", "count").replace("FLAG", "enabled")
V3 = HEAD + "#ifdef CONFIG_ARCH_LAZY_MMU\n" + _V3_FUNCTIONS + TAIL
PROPOSAL = re.sub(r"\tVM_.*\n", "", V3)
_V4_FUNCTIONS = (
    _DRAFT.replace(
        "\tif (!mine->LEVEL) {\n\t\tarch_enter_lazy_mmu_mode();\n\t\tmine->FLAG = true;\n\t}\n\tmine->LEVEL += 1;\n",
        "\tif (!mine->LEVEL++) {\n\t\tmine->FLAG = true;\n\t\tarch_enter_lazy_mmu_mode();\n\t}\n",
    )
    .replace(
        "\tarch_enter_lazy_mmu_mode();\n\tmine->FLAG = true;\n", "\tmine->FLAG = true;\n\tarch_enter_lazy_mmu_mode();\n"
    )
    .replace("LEVEL", "nesting_level")
    .replace("FLAG", "active")
)
V4 = HEAD + IFDEF + _V4_FUNCTIONS + TAIL
_RANGE = "struct mm_struct *mm, unsigned long addr, unsigned long end, pte_t *ptep"
_DRAFT_WITH_PTES = (
    PROPOSAL[PROPOSAL.index("static inline") : PROPOSAL.index("static inline void lazy_mmu_mode_disable")]
    .replace(
        "enable(void)",
        "enable_with_ptes(struct mm_struct *mm,\n\t\tunsigned long addr, unsigned long end, pte_t *ptep)",
    )
    .replace("mmu_mode();", "mmu_mode_with_ptes(mm, addr, end, ptep);")
)
#: pause and resume have hooks of their own.
AMENDED = (
    re.sub(r"(lazy_mmu_mode_pause.*?)arch_leave", r"\1arch_pause", PROPOSAL, flags=re.DOTALL)
    .replace("\tarch_enter_lazy_mmu_mode();\n\tmine", "\tarch_resume_lazy_mmu_mode();\n\tmine")
    .replace(TAIL, _DRAFT_WITH_PTES + TAIL)
)

#: The flush at the end of a nested section. Without it, the first wrong step is the inner disable.
NESTED_FLUSH = "\t\tarch_flush_lazy_mmu_mode();\n"


def line(text: str, part: str) -> int:
    """Return the number of the first line that contains a part of a text."""
    return text.count("\n", 0, text.index(part)) + 1
