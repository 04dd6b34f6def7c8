/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The revisions "merged" and "with-ptes" by the functions of a header's text,
 * which stands before this in the same file (header.h).
 */
#ifndef _LAZYMMU_HEADER_API_H
#define _LAZYMMU_HEADER_API_H

static void header_enable(struct lmm_run *run)
{
	lmm_header_run = run;
	lazy_mmu_mode_enable();
}

static void header_disable(struct lmm_run *run)
{
	lmm_header_run = run;
	lazy_mmu_mode_disable();
}

static void header_pause(struct lmm_run *run)
{
	lmm_header_run = run;
	lazy_mmu_mode_pause();
}

static void header_resume(struct lmm_run *run)
{
	lmm_header_run = run;
	lazy_mmu_mode_resume();
}

static void header_pause_task(struct lmm_run *run, struct lmm_task *task)
{
	lmm_header_run = run;
	__task_lazy_mmu_mode_pause(lmm_header_task(task));
}

static void header_resume_task(struct lmm_run *run, struct lmm_task *task)
{
	lmm_header_run = run;
	__task_lazy_mmu_mode_resume(lmm_header_task(task));
}

static bool header_active(const struct lmm_task *task)
{
	lmm_header_run = task->run;
	if (task == task->run->task)
		return is_lazy_mmu_mode_active();
	return !in_interrupt() &&
	       __task_lazy_mmu_mode_active(lmm_header_task((struct lmm_task *)task));
}

static void header_state(const struct lmm_task *task, u8 state[LMM_NR_STATE])
{
	state[0] = task->state.merged.enable_count;
	state[1] = task->state.merged.pause_count;
}

const struct lmm_api lmm_api_header = {
	.name		= "merged/header",
	.state_names	= { "enable_count", "pause_count" },
	.enable		= header_enable,
	.disable	= header_disable,
	.pause		= header_pause,
	.resume		= header_resume,
	.pause_task	= header_pause_task,
	.resume_task	= header_resume_task,
	.active		= header_active,
	.state		= header_state,
};

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

const struct lmm_api lmm_api_header_with_ptes = {
	.name			= "with-ptes/header",
	.state_names		= { "enable_count", "pause_count" },
	.enable			= header_enable,
	.disable		= header_disable,
	.pause			= header_pause,
	.resume			= header_resume,
	.enable_with_ptes	= header_enable_with_ptes,
	.pause_task		= header_pause_task,
	.resume_task		= header_resume_task,
	.active			= header_active,
	.state			= header_state,
};
#else
const struct lmm_api lmm_api_header_with_ptes;
#endif

#endif /* _LAZYMMU_HEADER_API_H */
