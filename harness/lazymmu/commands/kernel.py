# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu kernel build`: builds a small kernel from a source tree, for `run --kernel`."""

from argparse import Namespace
from pathlib import Path

from lazymmu.flags import add, one_of
from lazymmu.parser import Parser
from lazymmu.support.errors import UsageError
from lazymmu.support.interrupts import importing

NAME = "kernel"
HELP = "build a small kernel from a source tree"


def flags(parser: Parser) -> None:
    with importing():
        from lazymmu.provision.kernel_config import debug_words
    parser.add_argument("action", type=one_of("action", ("build",)), metavar="build", help="what to do")
    parser.add_argument("tree", metavar="TREE", help="a source tree of Linux, which stays as it is")
    add(parser, "--arch")
    parser.add_argument(
        "--debug", action="append", default=[], metavar="WORD,...", help=f"checks: {', '.join(debug_words())}"
    )
    parser.add_argument(
        "--fragment", action="append", default=[], metavar="FILE", help="options of your own; may be repeated"
    )
    parser.add_argument(
        "--out", metavar="DIR", help="folder of the build, for one architecture (default: in the cache)"
    )
    add(parser, "--offline")
    parser.add_argument("--bisect", action="store_true", help="exit status for git bisect run: 125 in place of 2 and 3")


def main(arguments: Namespace) -> int:
    with importing():
        from lazymmu.architecture import chosen
        from lazymmu.provision import kernel_build, kernel_config
        from lazymmu.session import requests
    words = [word for given in arguments.debug for word in given.split(",")]
    for word in words:
        one_of("debug word", kernel_config.debug_words())(word)
    arches, possible = chosen(arguments.arch), kernel_config.buildable()
    if impossible := [arch for arch in arches if arch not in possible]:
        raise UsageError(
            f"no kernel can be built for {', '.join(impossible)}", hint=f"for these: {', '.join(possible)}"
        )
    if arguments.out and len(arches) > 1:
        raise UsageError(f"--out is the folder of one build, and there are {len(arches)}: {', '.join(arches)}")
    recipes = [
        kernel_build.Recipe(
            source=Path(arguments.tree).absolute(),
            arch=arch,
            debug=tuple(dict.fromkeys(words)),
            fragments=tuple(Path(file).absolute() for file in arguments.fragment),
            out=Path(arguments.out).absolute() if arguments.out else None,
        )
        for arch in arches
    ]
    for recipe in recipes:
        kernel_build.check(recipe)
    terminal, cache = requests.human(arguments), requests.cache()
    with requests.shared_cache():
        for recipe in recipes:

            def build(recipe: kernel_build.Recipe = recipe) -> list[str]:
                return kernel_build.build(cache, recipe, offline=arguments.offline)

            for line in cache.tools.in_thread(build):
                terminal.line(f"{recipe.arch}: could not be set: {line}", "yellow")
            terminal.line(f"{recipe.arch}: lazymmu run --kernel {recipe.folder}", "bold")
    return 0
