# SPDX-License-Identifier: GPL-2.0-only
# Stops before the step $lazymmu_step, in the function that performs it. gdb reads this after it has connected, and after
# enter.gdb. run.c first reads where a step ends when it begins it. The guest runs at full speed until then.
set suppress-cli-notifications on
python
def lazymmu_stop():
    step = int(gdb.parse_and_eval("$lazymmu_step"))
    start = gdb.Breakpoint("run_program", internal=True)
    gdb.execute("continue", to_string=True)
    start.delete()
    end = gdb.Breakpoint("lmm_run_free", internal=True)
    address = int(gdb.parse_and_eval(f"&run->program.steps[{step}].end"))
    begun = gdb.Breakpoint(f"*(unsigned int *){address}", gdb.BP_WATCHPOINT, gdb.WP_READ, internal=True)
    gdb.execute("continue", to_string=True)
    begun.delete()
    lazymmu_enter(end)
    end.delete()


lazymmu_stop()
end
set suppress-cli-notifications off
