# SPDX-License-Identifier: GPL-2.0-only
# Stops a guest whose step has just begun in the function that performs it. gdb reads this after it has connected.
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


def lazymmu_enter(end=None):
    performed = gdb.Breakpoint("run_operation", internal=True)
    if end is None or end.hit_count == 0:
        gdb.execute("continue", to_string=True)
    if end is not None and end.hit_count:
        gdb.execute("quit 65")
    performed.delete()
    # A call through a pointer may take a detour that has no symbols.
    inside = {lazymmu_function(), "run_call", "run_operation", None}
    while lazymmu_function() in inside:
        gdb.execute("stepi", to_string=True)
    lazymmu_frame().select()


if gdb.convenience_variable("lazymmu_step") is None:
    lazymmu_enter()
end
set suppress-cli-notifications off
