# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu new`: writes a scenario from a template. The templates are the files of `lazymmu/templates`."""

from argparse import Namespace
from pathlib import Path

from lazymmu.flags import one_of
from lazymmu.parser import Parser
from lazymmu.support.errors import UsageError
from lazymmu.support.project import PACKAGE

NAME = "new"
HELP = "write a scenario from a template"

_DEFAULT = "section"


def flags(parser: Parser) -> None:
    names = sorted(path.stem for path in (PACKAGE / "templates").glob("*.yaml"))
    parser.add_argument("name", metavar="NAME", help="file to write; without .yaml it gets that")
    parser.add_argument(
        "--template",
        type=one_of("template", names),
        default=_DEFAULT,
        metavar="TEMPLATE",
        help=f"{', '.join(names)} (default: {_DEFAULT})",
    )


def main(arguments: Namespace) -> int:
    path = Path(f"{arguments.name.removesuffix('.yaml')}.yaml")
    content = (PACKAGE / "templates" / f"{arguments.template}.yaml").read_text(encoding="utf-8")
    # The licence is that of the template, and no business of the author.
    _, _, content = content.partition("\n")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(content)
    except FileExistsError as error:
        raise UsageError(f"{path} exists", hint="choose another name, or remove it") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error
    print(f"{path}: change it, then `lazymmu lint {path}` and `lazymmu predict {path}`")
    return 0
