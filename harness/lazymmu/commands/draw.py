# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu draw`: draws what scenarios do over time, by the model or in a run's results, as SVG or as text."""

from argparse import Namespace

from lazymmu.flags import add
from lazymmu.parser import Parser
from lazymmu.support.errors import UsageError
from lazymmu.support.interrupts import importing

NAME = "draw"
HELP = "draw what a scenario does over time; no guest"


def flags(parser: Parser) -> None:
    add(parser, "scenarios", nargs="+", help="name, pattern, case (NAME[depth=3]), file or directory")
    parser.add_argument(
        "--from", dest="results", metavar="RESULTS", help="what a run found: its results folder, or a file of --json"
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="file to write, as SVG; - is standard output")
    parser.add_argument("--text", action="store_true", help="as text of 100 columns (default without -o)")
    add(parser, "--arch")
    add(parser, "--api", help="revision, see `lazymmu help words`; several with commas (default: amended and merged)")
    add(parser, "--tag", "--exclude", "--personality", "--impl")


def main(arguments: Namespace) -> int:
    with importing():
        from lazymmu.reports.destination import STDOUT, targets
        from lazymmu.reports.pictures import svg, text
        from lazymmu.reports.plain import visible
        from lazymmu.session import drawings, requests
    goals = targets({"--output": arguments.output or STDOUT})
    selection = requests.selection(arguments)
    if arguments.results is None:
        drawn = drawings.of_model(arguments.scenarios, selection)
    else:
        if flags := [flag for flag in ("tag", "exclude", "personality") if getattr(arguments, flag)]:
            raise UsageError(f"--{flags[0]} cannot be given with --from: name the case, --arch, --api and --impl")
        drawn = drawings.of_results(arguments.results, arguments.scenarios, selection)
    if arguments.text or arguments.output is None:
        goals["--output"].write("".join(f"{visible(line)}\n" for line in text.text(drawn)))
    else:
        goals["--output"].write(svg.svg(drawn))
    return 0
