# SPDX-License-Identifier: GPL-2.0-only
"""A module of which only C files changed, made anew by the commands that kbuild recorded: its makefiles cost more.

kbuild records the command of everything that it makes (`.NAME.cmd`), and guest/module/Kbuild where they run. Of these
the ones run that a change of C files concerns. Whatever is not as expected is left to kbuild.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from lazymmu.provision import fast_rebuild
from lazymmu.provision.subprocesses import ToolError

# What our Kbuild leaves: the architecture's name in the kernel's sources, and the folder in which commands run.
_WHERE = ".where"
# In kbuild's record; the target's name stands behind.
_SAVED = "savedcmd_"


def rebuilt(work: Path, inside: str, files: Mapping[Path, bytes], name: str, run: Callable[[str], object]) -> bool:
    """Bring the module `name` in a folder to these files, by `run` with a shell script, and return whether it was done.

    `inside` is the folder's name for what is run.
    Whoever calls has the folder's lock. Raises ToolError for files that the compiler or modpost refuses; then the
    folder is as if there had been no such build.
    """
    changed = fast_rebuild.changed(work, files)
    script = _script(work, inside, changed, name) if changed else None
    if not changed or script is None:
        return False
    symbols = work / f"{name}.mod.c"
    before = symbols.read_bytes()
    try:
        with fast_rebuild.unfinished(work):
            for file in changed:
                (work / file).write_bytes(files[file])
            try:
                run(script)
            except ToolError:
                for file in changed:
                    # With another text, or the same, it comes again.
                    (work / file).unlink()
                symbols.write_bytes(before)
                raise
    except ToolError as error:
        if fast_rebuild.refused(error):
            raise
        return False
    return True


def _script(work: Path, inside: str, changed: Collection[Path], name: str) -> str | None:
    """Return the commands that make the module from changed C files, None when some were not recorded."""
    objects = [*(str(file.with_suffix(".o")) for file in changed), f"{name}.o"]
    try:
        arch, folder = (work / _WHERE).read_text().split()
        commands = [_recorded(work, target) for target in objects]
        # modpost writes what the module needs of the kernel, mostly the same as before.
        symbols, symbols_object = _recorded(work, "Module.symvers"), _recorded(work, f"{name}.mod.o")
        module = _recorded(work, f"{name}.ko")
    except (FileNotFoundError, ValueError):
        return None
    source = f"{inside}/{name}.mod.c"
    return "\n".join(
        [
            *("set -e", f"export SRCARCH={arch}", f"cd {folder}", *commands),
            *(f"cp {source} {source}.before", symbols, f"cmp -s {source} {source}.before || {{ {symbols_object}; }}"),
            *(f"rm {source}.before", module),
        ]
    )


def _recorded(work: Path, made: str) -> str:
    """Return the command that kbuild recorded for something. Raises ValueError when it recorded none."""
    first, _, _ = (work / f".{made}.cmd").read_text().partition("\n")
    target, assigned, command = first.partition(" := ")
    if not target.startswith(_SAVED) or not assigned:
        raise ValueError(f"{made}: no command")
    # As make writes what it will read again.
    return command.strip().replace("$(pound)", "#").replace("$$", "$")
