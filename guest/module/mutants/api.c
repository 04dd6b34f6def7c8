// SPDX-License-Identifier: GPL-2.0-only
/* Mutants of the API: of its operations, and of their calls of hooks. */
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/preempt.h>
#include <linux/string.h>

#include "mutants.h"

bool lmm_in_interrupt(void);

#define ENABLE		BIT(LMM_OP_ENABLE)
#define DISABLE		BIT(LMM_OP_DISABLE)
#define PAUSE		BIT(LMM_OP_PAUSE)
#define RESUME		BIT(LMM_OP_RESUME)
#define WITH_PTES	BIT(LMM_OP_ENABLE_WITH_PTES)
#define PAUSE_TASK	BIT(LMM_OP_PAUSE_TASK)
#define RESUME_TASK	BIT(LMM_OP_RESUME_TASK)
#define ACTIVE		BIT(LMM_OP_CHECK)

#define ENABLES		(ENABLE | WITH_PTES)
#define PAUSES		(PAUSE | PAUSE_TASK)
#define RESUMES		(RESUME | RESUME_TASK)
#define CALLS		(ENABLES | DISABLE | PAUSE | RESUME)

unsigned int lmm_first_cpu;
/* The innermost call */
static struct lmm_api_call *present;
/* The values of counters that 8 bits cannot hold, 0 for others */
static u16 large[LMM_MAX_TASKS];

static bool is_mutated(const struct lmm_api_call *call)
{
	return call && lmm_mutant->ops & BIT(call->op);
}

static bool took_effect(const struct lmm_api_call *call)
{
	return memcmp(call->task->state, call->before, sizeof(call->before));
}

/* Gives a counter the value that one of another width would have. */
static void recount(const struct lmm_api_call *call)
{
	bool up = BIT(call->op) & (ENABLES | PAUSES);
	unsigned int i = BIT(call->op) & (PAUSES | RESUMES) ? 1 : 0;
	u8 *counter = &((u8 *)call->task->state)[i];
	u16 *wide = &large[call->task - call->run->tasks];
	int value = (*wide ?: call->before[i]) + (up ? 1 : -1);
	int due = lmm_mutant->width(value);

	if (*counter == call->before[i] || (due == (u8)value && !*wide))
		return;
	*wide = due > U8_MAX ? due : 0;
	*counter = due > U8_MAX ? U8_MAX - 1 : due;
}

static void begin(struct lmm_api_call *call, struct lmm_run *run, struct lmm_task *task,
		  enum lmm_op op)
{
	*call = (struct lmm_api_call){
		.run = run, .task = task, .op = op, .step = run->call, .outer = present,
	};
	memcpy(call->before, task->state, sizeof(call->before));
	present = call;
}

static void end(const struct lmm_api_call *call)
{
	present = call->outer;
	if (is_mutated(call) && lmm_mutant->width)
		recount(call);
	if (is_mutated(call) && lmm_mutant->after)
		lmm_mutant->after(call);
}

#define CALL(operation, OP) \
static void operation(struct lmm_run *run) \
{ \
	struct lmm_api_call call; \
\
	begin(&call, run, run->task, OP); \
	lmm_real_api->operation(run); \
	end(&call); \
}

CALL(enable, LMM_OP_ENABLE)
CALL(disable, LMM_OP_DISABLE)
CALL(pause, LMM_OP_PAUSE)
CALL(resume, LMM_OP_RESUME)
CALL(enable_with_ptes, LMM_OP_ENABLE_WITH_PTES)

#define TASK_CALL(operation, OP) \
static void operation(struct lmm_run *run, struct lmm_task *task) \
{ \
	bool mutated = lmm_mutant->ops & BIT(OP); \
	struct lmm_api_call call; \
\
	if (mutated && lmm_mutant->checks_interrupt && in_interrupt()) \
		return; \
	begin(&call, run, task, OP); \
	lmm_real_api->operation(run, mutated && lmm_mutant->on_caller ? run->task : task); \
	end(&call); \
}

TASK_CALL(pause_task, LMM_OP_PAUSE_TASK)
TASK_CALL(resume_task, LMM_OP_RESUME_TASK)

static bool active(const struct lmm_task *task)
{
	struct lmm_api_call call;
	bool found;

	begin(&call, task->run, (struct lmm_task *)task, LMM_OP_CHECK);
	found = lmm_real_api->active(task);
	end(&call);
	return found;
}

/* Returns the real revision with all calls observed. A program begins with this. */
const struct lmm_api *lmm_mutated_api(void)
{
	static struct lmm_api mutated;

	memset(large, 0, sizeof(large));
	mutated = *lmm_real_api;
#define OBSERVE(operation)	(mutated.operation = mutated.operation ? operation : NULL)
	OBSERVE(enable);
	OBSERVE(disable);
	OBSERVE(pause);
	OBSERVE(resume);
	OBSERVE(enable_with_ptes);
	OBSERVE(pause_task);
	OBSERVE(resume_task);
	OBSERVE(active);
	return &mutated;
}

/* in_interrupt() for the operations of the API */
bool lmm_in_interrupt(void)
{
	if (is_mutated(present) && lmm_mutant->interrupt)
		return lmm_mutant->interrupt();
	return in_interrupt();
}

void __wrap_lmm_warn_on(struct lmm_run *run, bool condition)
{
	if (!is_mutated(present) || ++present->checks != lmm_mutant->unchecked)
		__real_lmm_warn_on(run, condition);
}

void __wrap_lmm_call_hook(struct lmm_run *run, enum lmm_counter counter, char letter)
{
	bool mutated = is_mutated(present) && present->step == run->call;
	enum lmm_hook_sees sees = mutated ? lmm_mutant->hook_sees : LMM_AS_IT_IS;
	unsigned int cpu = run->task->cpu;
	u8 *state = mutated ? present->task->state : NULL, now[sizeof(present->before)];

	switch (sees) {
	case LMM_STATE_BEFORE:
		memcpy(now, state, sizeof(now));
		memcpy(state, present->before, sizeof(now));
		__real_lmm_call_hook(run, counter, letter);
		memcpy(state, now, sizeof(now));
		break;
	case LMM_STATE_AFTER:
		state[0]++;
		state[1] = true;
		__real_lmm_call_hook(run, counter, letter);
		state[0]--;
		break;
	case LMM_FLAG_AFTER:
		state[1] = true;
		fallthrough;
	default:
		__real_lmm_call_hook(run, counter, letter);
	}
	lmm_first_cpu = cpu;
	if (lmm_mutant->apply && strchr("flpw", letter))
		lmm_mutant->apply(run);
}

static void enter(const struct lmm_api_call *call)
{
	(call->op == LMM_OP_ENABLE ? lmm_arch_enter : lmm_arch_enter_with_ptes)(call->run);
}

static void enters_when_nested(const struct lmm_api_call *call)
{
	if (call->before[0] && took_effect(call))
		enter(call);
}

static void takes_range_when_nested(const struct lmm_api_call *call)
{
	const struct lmm_step *step = lmm_present_step(call->run);
	struct lmm_range range = { step->index, step->index + step->count };

	if (call->before[0] && took_effect(call))
		lmm_real_arch->enter_with_ptes(call->run, range);
}

static void is_no_flush(struct lmm_run *run)
{
	if (lmm_present_step(run)->op != LMM_OP_DISABLE)
		__real_lmm_arch_flush(run);
}

static void is_leave(struct lmm_run *run)
{
	if (lmm_present_step(run)->op == LMM_OP_DISABLE)
		lmm_arch_leave(run);
	else
		__real_lmm_arch_flush(run);
}

static void is_leave_at_0(struct lmm_run *run)
{
	if (is_mutated(present) && present->op == LMM_OP_DISABLE && !present->before[0])
		lmm_arch_leave(run);
	else
		__real_lmm_arch_flush(run);
}

static void leaves_outside(const struct lmm_api_call *call)
{
	if (!call->before[0] && !call->before[1] && took_effect(call))
		lmm_arch_leave(call->run);
}

static void enters_while_paused(const struct lmm_api_call *call)
{
	const struct lmm_merged_state *state = call->task->state;

	if (state->pause_count > 0 && state->enable_count > 0 && took_effect(call))
		lmm_arch_enter(call->run);
}

static void enters_outside(const struct lmm_api_call *call)
{
	const struct lmm_merged_state *state = call->task->state;

	if (state->pause_count == 0 && state->enable_count == 0 && took_effect(call))
		lmm_arch_enter(call->run);
}

static void counts_while_paused(const struct lmm_api_call *call)
{
	struct lmm_merged_state *state = call->task->state;

	if (in_interrupt() || !call->before[1])
		return;
	if (call->op == LMM_OP_DISABLE)
		(--state->enable_count == 0 ? lmm_arch_leave : lmm_arch_flush)(call->run);
	else if (state->enable_count++ == 0)
		enter(call);
}

static void is_ignored_when_nested(const struct lmm_api_call *call)
{
	struct lmm_merged_state *state = call->task->state;

	if (call->before[1])
		state->pause_count = call->before[1];
}

static void forgets_flag(const struct lmm_api_call *call)
{
	struct lmm_flag_state *state = call->task->state;

	state->enabled = call->before[1];
}

static void clears_flag_at_wrap(const struct lmm_api_call *call)
{
	struct lmm_flag_state *state = call->task->state;

	if (call->before[0] == U8_MAX && took_effect(call))
		state->enabled = false;
}

static void is_not_counted(const struct lmm_api_call *call)
{
	if (in_interrupt())
		call->run->counters[LMM_CALL_ENABLE + call->op - LMM_OP_ENABLE]--;
}

static bool never(void)
{
	return false;
}

static bool without_bh_disabled(void)
{
	return in_hardirq() || in_serving_softirq();
}

#define COUNTER(name, due) static int name(int value) { return due; }
COUNTER(saturates_up, min(value, U8_MAX) & U8_MAX)
COUNTER(saturates_down, max(value, 0) & U8_MAX)
COUNTER(has_2_bits, value & 3)
COUNTER(has_16_bits, value & U16_MAX)

#define AFTER(OPS, f)		.ops = OPS, .after = f
#define INTERRUPT(OPS, f)	.ops = OPS, .interrupt = f
#define SEES(OPS, what)		.ops = OPS, .hook_sees = LMM_##what
#define COUNT(f)		.ops = ENABLES | DISABLE, .width = f
#define PAUSE_COUNT(f)		.ops = PAUSES | RESUMES, .width = f
#define UNCHECKED(OPS, n)	.ops = OPS, .unchecked = n

const struct lmm_mutant lmm_api_mutants[] = {
	M(NESTED_DISABLE_NO_FLUSH, "a nested disable calls no hook", ALL, ALL,
	  .arch_flush = is_no_flush),
	M(NESTED_DISABLE_LEAVES, "a nested disable calls leave", ALL, ALL, .arch_flush = is_leave),
	M(NESTED_ENABLE_ENTERS, "a nested enable calls enter", ALL, ALL,
	  AFTER(ENABLE, enters_when_nested)),
	M(PAUSE_OUTSIDE_LEAVES, "pause calls leave outside a section", MERGED, ALL,
	  AFTER(PAUSES, leaves_outside)),
	M(RESUME_ENTERS_WHILE_PAUSED, "resume enters while still paused", MERGED, ALL,
	  AFTER(RESUMES, enters_while_paused)),
	M(RESUME_OUTSIDE_ENTERS, "resume calls enter outside a section", MERGED, ALL,
	  AFTER(RESUMES, enters_outside)),
	M(ENABLE_COUNTED_WHILE_PAUSED, "enable counts in a pause", MERGED, ALL,
	  AFTER(ENABLES, counts_while_paused)),
	M(DISABLE_COUNTED_WHILE_PAUSED, "disable counts in a pause", MERGED, ALL,
	  AFTER(DISABLE, counts_while_paused)),
	M(NESTED_PAUSE_NOT_COUNTED, "a nested pause has no effect at all", MERGED, ALL,
	  AFTER(PAUSES, is_ignored_when_nested)),
	M(RESUME_FORGETS_ENABLED, "resume does not set the flag", FLAGS, ALL,
	  .ops = RESUME, .hook_sees = LMM_STATE_BEFORE, .after = forgets_flag),
	M(WRAP_CLEARS_ENABLED, "enable clears the flag when the counter wraps", FLAGS, ALL,
	  AFTER(ENABLE, clears_flag_at_wrap)),
	M(RESUME_CALLS_ENTER, "resume calls enter instead of arch_resume", "amended", "s390x",
	  .arch_resume = lmm_arch_enter),
	M(PAUSE_CALLS_LEAVE, "pause calls leave instead of arch_pause", "amended", "s390x",
	  .arch_pause = lmm_arch_leave),
	M(WITH_PTES_CALLS_ENTER, "enable_with_ptes calls enter without a range", RANGES, ALL,
	  .arch_enter_with_ptes = lmm_arch_enter),
	M(NESTED_WITH_PTES_CALLS_HOOK, "a nested enable_with_ptes calls its hook", RANGES, ALL,
	  AFTER(WITH_PTES, enters_when_nested)),
	M(RANGE_TAKEN_WHEN_NESTED, "a nested enable_with_ptes takes the range without a hook",
	  RANGES, "s390x", AFTER(WITH_PTES, takes_range_when_nested)),

	M(ENABLE_IN_INTERRUPT, "enable has an effect in interrupt", ALL, ALL,
	  INTERRUPT(ENABLE, never)),
	M(DISABLE_IN_INTERRUPT, "disable has an effect in interrupt", ALL, ALL,
	  INTERRUPT(DISABLE, never)),
	M(PAUSE_IN_INTERRUPT, "pause has an effect in interrupt", ALL, ALL,
	  INTERRUPT(PAUSE, never)),
	M(RESUME_IN_INTERRUPT, "resume has an effect in interrupt", ALL, ALL,
	  INTERRUPT(RESUME, never)),
	M(WITH_PTES_IN_INTERRUPT, "enable_with_ptes has an effect in interrupt", RANGES, ALL,
	  INTERRUPT(WITH_PTES, never)),
	M(ACTIVE_IN_INTERRUPT, "a task is active in interrupt", ALL, ALL, INTERRUPT(ACTIVE, never)),
	M(BH_DISABLED_IS_NO_INTERRUPT, "disabled bottom halves are not taken for interrupt",
	  ALL, ALL, INTERRUPT(CALLS | ACTIVE, without_bh_disabled)),
	M(PAUSE_TASK_CHECKS_INTERRUPT, "pause_task does nothing in interrupt", MERGED, ALL,
	  .ops = PAUSE_TASK, .checks_interrupt = true),
	M(RESUME_TASK_CHECKS_INTERRUPT, "resume_task does nothing in interrupt", MERGED, ALL,
	  .ops = RESUME_TASK, .checks_interrupt = true),
	M(PAUSE_TASK_ON_CALLER, "pause_task acts on the caller's state", MERGED, ALL,
	  .ops = PAUSE_TASK, .on_caller = true),
	M(RESUME_TASK_ON_CALLER, "resume_task acts on the caller's state", MERGED, ALL,
	  .ops = RESUME_TASK, .on_caller = true),
	M(VAIN_CALLS_NOT_COUNTED, "calls in interrupt are not counted", ALL, ALL,
	  AFTER(CALLS, is_not_counted)),

	M(ENABLE_STATE_AFTER_HOOK, "enable changes the state after the hook",
	  "v4 merged with-ptes", ALL, SEES(ENABLE, STATE_BEFORE)),
	M(ENABLE_STATE_BEFORE_HOOK, "enable changes the state before the hook",
	  "proposal amended", ALL, SEES(ENABLE, STATE_AFTER)),
	M(V3_FLAG_BEFORE_HOOK, "enable sets the flag before the hook", "v3", ALL,
	  SEES(ENABLE, FLAG_AFTER)),
	M(DISABLE_STATE_AFTER_HOOK, "disable ends the mode after the hook", ALL, ALL,
	  SEES(DISABLE, STATE_BEFORE)),
	M(PAUSE_STATE_AFTER_HOOK, "pause ends the mode after the hook", ALL, ALL,
	  SEES(PAUSES, STATE_BEFORE)),
	M(RESUME_STATE_AFTER_HOOK, "resume changes the state after the hook",
	  "v4 merged with-ptes", ALL, SEES(RESUMES, STATE_BEFORE)),
	M(RESUME_STATE_BEFORE_HOOK, "resume sets the flag before the hook",
	  "proposal amended v3", ALL, SEES(RESUME, FLAG_AFTER)),

	M(COUNT_SATURATES_UP, "the nesting counter stays at 255", FLAGS, ALL, COUNT(saturates_up)),
	M(COUNT_SATURATES_DOWN, "the nesting counter stays at 0", FLAGS, ALL,
	  COUNT(saturates_down), .arch_flush = is_leave_at_0),
	M(COUNT_OF_2_BITS, "the nesting counter has 2 bits", FLAGS, ALL, COUNT(has_2_bits)),
	M(COUNT_OF_16_BITS, "the nesting counter has 16 bits", FLAGS, ALL, COUNT(has_16_bits)),
	M(ENABLE_COUNT_SATURATES_UP, "enable_count stays at 255", MERGED, ALL, COUNT(saturates_up)),
	M(ENABLE_COUNT_SATURATES_DOWN, "enable_count stays at 0", MERGED, ALL,
	  COUNT(saturates_down), .arch_flush = is_leave_at_0),
	M(ENABLE_COUNT_OF_2_BITS, "enable_count has 2 bits", MERGED, ALL, COUNT(has_2_bits)),
	M(ENABLE_COUNT_OF_16_BITS, "enable_count has 16 bits", MERGED, ALL, COUNT(has_16_bits)),
	M(PAUSE_COUNT_SATURATES_UP, "pause_count stays at 255", MERGED, ALL,
	  PAUSE_COUNT(saturates_up)),
	M(PAUSE_COUNT_SATURATES_DOWN, "pause_count stays at 0", MERGED, ALL,
	  PAUSE_COUNT(saturates_down)),
	M(PAUSE_COUNT_OF_2_BITS, "pause_count has 2 bits", MERGED, ALL, PAUSE_COUNT(has_2_bits)),
	M(PAUSE_COUNT_OF_16_BITS, "pause_count has 16 bits", MERGED, ALL, PAUSE_COUNT(has_16_bits)),

	M(ENABLE_FULL_UNCHECKED, "enable does not check for a full counter", CHECKS, ALL,
	  UNCHECKED(ENABLES, 1)),
	M(ENABLE_FLAG_UNCHECKED, "enable does not check the flag", "v3 v4", ALL,
	  UNCHECKED(ENABLE, 2)),
	M(DISABLE_EMPTY_UNCHECKED, "disable does not check for an empty counter", CHECKS, ALL,
	  UNCHECKED(DISABLE, 1)),
	M(DISABLE_FLAG_UNCHECKED, "disable does not check the flag", "v3 v4", ALL,
	  UNCHECKED(DISABLE, 2)),
	M(PAUSE_UNCHECKED, "pause has no check", CHECKS, ALL, UNCHECKED(PAUSES, 1)),
	M(RESUME_UNCHECKED, "resume has no check", CHECKS, ALL, UNCHECKED(RESUMES, 1)),
	{ }
};
