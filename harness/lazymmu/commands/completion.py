# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu completion`: prints the completion of a shell, by shtab."""

from argparse import Namespace

from lazymmu.commands import COMMANDS
from lazymmu.flags import one_of
from lazymmu.parser import Command, Parser, whole_parser
from lazymmu.support.interrupts import importing

NAME = "completion"
HELP = "print a shell's completion, for `eval` or a file"

_SHELLS = ("bash", "zsh", "tcsh")
# A scenario is one of the library or a file; tcsh completes files only.
_SCENARIO = {"bash": "_lazymmu_scenario", "zsh": "_lazymmu_scenario", "tcsh": "f"}
_SCENARIO_FUNCTIONS = {
    "bash": '_lazymmu_scenario() {{ compgen -W \'{0}\' -- "$1"; compgen -f -- "$1"; }}',
    "zsh": "_lazymmu_scenario() {{ _alternative 'library:scenario:({0})' 'files:file:_files'; }}",
}


def flags(parser: Parser) -> None:
    parser.add_argument("shell", type=one_of("shell", _SHELLS), metavar="SHELL", help=", ".join(_SHELLS))


def main(arguments: Namespace) -> int:
    with importing():
        import shtab

        from lazymmu import architecture
        from lazymmu.provision import catalogue
        from lazymmu.subject.implementations import IMPLEMENTATIONS
        from lazymmu.subject.personalities import PERSONALITIES
        from lazymmu.subject.revisions import REVISIONS
        from lazymmu.support.project import LIBRARY
    paths = [path.relative_to(LIBRARY).with_suffix("") for path in LIBRARY.rglob("*.yaml")]
    library = " ".join(sorted({str(name) for path in paths for name in (path, path.parent)}))
    words = {
        "arch": [*architecture.architectures(), architecture.ALL],
        "api": [*REVISIONS, "all"],
        "impl": list(IMPLEMENTATIONS),
        "personality": list(PERSONALITIES),
        "kernel": list(catalogue.kernels()),
        "topic": list(COMMANDS),
        "shell": list(_SHELLS),
    }
    targets = {"FILE": shtab.FILE, "DIR": shtab.DIRECTORY, "SCENARIO": _SCENARIO}
    functions = {shell: text.format(library) for shell, text in _SCENARIO_FUNCTIONS.items()}

    def add_flags(command: Command, parser: Parser) -> None:
        command.flags(parser)
        for action in parser._actions:
            action.choices = words.get(action.dest)
            if action.metavar in targets:
                vars(action)["complete"] = targets[action.metavar]

    print(shtab.complete(whole_parser(COMMANDS, add_flags), arguments.shell, preamble=functions))
    return 0
