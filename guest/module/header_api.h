/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The revisions that are made of the functions of a header's text, which precedes this
 * file (header.h). LMM_HEADER_REVISIONS lists them.
 */
#ifndef _LAZYMMU_HEADER_API_H
#define _LAZYMMU_HEADER_API_H

#define CALL(operation) \
static void header_##operation(struct lmm_run *run) \
{ \
	lmm_header_run = run; \
	lazy_mmu_mode_##operation(); \
}

CALL(enable)
CALL(disable)
CALL(pause)
CALL(resume)

#ifdef LMM_HEADER_TASKS
#define TASK_CALL(operation) \
static void header_##operation##_task(struct lmm_run *run, struct lmm_task *task) \
{ \
	lmm_header_run = run; \
	__task_lazy_mmu_mode_##operation(lmm_header_task(task)); \
}

TASK_CALL(pause)
TASK_CALL(resume)

#define LMM_HEADER_TASK_CALLS \
	.pause_task	= header_pause_task, \
	.resume_task	= header_resume_task,
#else
#define LMM_HEADER_TASK_CALLS
#endif

static bool header_active(const struct lmm_task *task)
{
	lmm_header_run = task->run;
	if (task == task->run->task)
		return is_lazy_mmu_mode_active();
	return !in_interrupt() &&
	       __task_lazy_mmu_mode_active(lmm_header_task(task));
}

static void header_get_state(const struct lmm_task *task, u8 state[LMM_NR_STATE])
{
	const struct LMM_HEADER_STATE *own = &lmm_header_task(task)->LMM_HEADER_STATE;

	state[0] = own->LMM_HEADER_FIRST;
	state[1] = own->LMM_HEADER_SECOND;
}

#ifdef LMM_HEADER_WITH_PTES
static void header_enable_with_ptes(struct lmm_run *run)
{
	const struct lmm_step *step = &run->program.steps[run->call->step];
	unsigned long addr = LMM_HEADER_BASE + step->index * PAGE_SIZE;

	lmm_header_run = run;
	lazy_mmu_mode_enable_with_ptes(&lmm_header_mm, addr,
				       addr + step->count * PAGE_SIZE,
				       (pte_t *)&run->table.memory[step->index]);
}
#endif

#define LMM_HEADER_API \
	.state_names	= { __stringify(LMM_HEADER_FIRST), __stringify(LMM_HEADER_SECOND) }, \
	.state_size	= sizeof(struct lmm_header_task), \
	.enable		= header_enable, \
	.disable	= header_disable, \
	.pause		= header_pause, \
	.resume		= header_resume, \
	LMM_HEADER_TASK_CALLS \
	.active		= header_active, \
	.get_state	= header_get_state,

#define REVISION(revision) \
	{ .name = revision "/header", LMM_HEADER_API },
#define REVISION_WITH_PTES(revision) \
	{ .name = revision "/header", LMM_HEADER_API .enable_with_ptes = header_enable_with_ptes },

const struct lmm_api lmm_api_header[] = {
	LMM_HEADER_REVISIONS
	{ }
};

#endif /* _LAZYMMU_HEADER_API_H */
