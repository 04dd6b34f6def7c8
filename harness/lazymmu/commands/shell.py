# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu shell`: a prompt in a guest, or one command there."""

from lazymmu.commands import imported
from lazymmu.flags import add, add_guest
from lazymmu.parser import Parser

NAME = "shell"
HELP = "open a prompt in a guest; after -- one command there"
main = imported("lazymmu.shell.prompt:shell")


def flags(parser: Parser) -> None:
    parser.rest_after = "--"
    parser.add_argument("arch", nargs="?", metavar="ARCH", help="architecture of the guest; with --from the case")
    add_guest(parser, NAME, "ARCH", "COMMAND [ARGUMENT ...]")
    add(parser, "--transport")
    parser.add_argument(
        "--scenario", action="append", default=[], metavar="FILE", help="a scenario of your own, for run-scenario FILE"
    )
    add(parser, "--header")
    parser.add_argument("--push", action="append", default=[], metavar="FILE", help="copy a file to the guest's /root")
    parser.add_argument(
        "--pull", action="append", default=[], metavar="FILE", help="copy a file of the guest here at the end"
    )
    parser.add_argument(
        "--kernel-arg", action="append", default=[], metavar="ARG", help="for the kernel's command line"
    )
    parser.add_argument(
        "--qemu-arg", action="append", default=[], metavar="ARGS", help="for QEMU's command line; the guest then boots"
    )
