# SPDX-License-Identifier: GPL-2.0-only
# Stops before the step $lazymmu_step, in the function that performs it. gdb reads this after it has connected.
# run.c first reads where a step ends when it begins it. The guest runs at full speed until then.
set suppress-cli-notifications on
python
def lazymmu_frame():
    """The frame of the function that is executed, and not of one that is inlined in it."""
    frame = gdb.newest_frame()
    while frame.type() == gdb.INLINE_FRAME:
        frame = frame.older()
    return frame


def lazymmu_function():
    """The name of that function; None if it has no debug information."""
    function = lazymmu_frame().function()
    return function and function.name


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
    performed = gdb.Breakpoint("run_operation", internal=True)
    if end.hit_count == 0:
        gdb.execute("continue", to_string=True)
    if end.hit_count:
        gdb.execute("quit 65")
    performed.delete()
    end.delete()
    # A call through a pointer may take a detour that has no symbols.
    inside = {lazymmu_function(), "run_call", "run_operation", None}
    while lazymmu_function() in inside:
        gdb.execute("stepi", to_string=True)
    lazymmu_frame().select()


lazymmu_stop()
end
set suppress-cli-notifications off
frame
