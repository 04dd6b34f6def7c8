# SPDX-License-Identifier: GPL-2.0-only
"""The flags of every command: names, values that they take, and their help."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from lazymmu.subject.implementations import IMPLEMENTATIONS
from lazymmu.support.errors import UsageError

_MAX_REPEAT = 10_000
_MAX_JOBS = 256
_TRANSPORTS = ("serial", "ssh")
_ISOLATIONS = ("boot", "scenario", "shared")
_MAX_REPETITIONS = 100
_MAX_SEED_DIGITS = 18
_SCENARIO_HELP = "name, file or directory (default: the whole library)"


def _scale(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.01 <= value <= 1000:
        raise UsageError(f"--timeout-scale {text}: a number from 0.01 to 1000 is needed")
    return value


def _times(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= _MAX_REPEAT and len(text) < 9):
        raise UsageError(f"--repeat {text}: an integer from 1 to {_MAX_REPEAT} is needed")
    return int(text)


def _jobs(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 9 and 1 <= int(text) <= _MAX_JOBS):
        raise UsageError(f"--jobs {text}: an integer from 1 to {_MAX_JOBS} is needed")
    return int(text)


def _isolation(text: str) -> str:
    if text not in _ISOLATIONS:
        raise UsageError(f"unknown isolation `{text}`", hint=f"there is: {', '.join(_ISOLATIONS)}")
    return text


def _transport(text: str) -> str:
    if text not in _TRANSPORTS:
        raise UsageError(f"unknown transport `{text}`", hint=f"there is: {', '.join(_TRANSPORTS)}")
    return text


def _implementation(text: str) -> str:
    if text not in IMPLEMENTATIONS:
        raise UsageError(f"unknown impl `{text}`", hint=f"there is: {', '.join(IMPLEMENTATIONS)}")
    return text


def _repetitions(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= _MAX_REPETITIONS and len(text) < 9):
        raise UsageError(f"--repetitions {text}: an integer from 1 to {_MAX_REPETITIONS} is needed")
    return int(text)


def _seed(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _MAX_SEED_DIGITS):
        raise UsageError(f"--shuffle {text}: an integer of 0 or more is needed, of {_MAX_SEED_DIGITS} digits or less")
    return int(text)


def _selection_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "scenarios", nargs="*", metavar="SCENARIO", help="name, file or directory (default: the library)"
    )
    parser.add_argument(
        "--arch",
        action="append",
        default=[],
        help="architecture, or all; may be repeated (default: arm64, s390x and x86_64)",
    )
    parser.add_argument("--api", action="append", default=[], help="revision, or all (default: amended and merged)")
    parser.add_argument("--tag", action="append", default=[], help="only scenarios with one of these tags")
    parser.add_argument(
        "--impl",
        action="append",
        type=_implementation,
        metavar="NAME",
        help="implementation under test: module, native, header; may be repeated (default: module, and native where "
        "there is; with --header only that)",
    )
    parser.add_argument(
        "--kernel",
        action="append",
        metavar="NAME",
        help="kernel of images/kernels.yaml; may be repeated (default: lts)",
    )


def _transport_flag(parser: argparse.ArgumentParser, what: str) -> None:
    names = f"{', '.join(_TRANSPORTS)} (default: {_TRANSPORTS[0]})"
    parser.add_argument("--transport", type=_transport, default=_TRANSPORTS[0], metavar="NAME", help=f"{what}: {names}")


def _run_flags(run: argparse.ArgumentParser) -> None:
    _selection_flags(run)
    _transport_flag(run, "line to the guest")
    run.add_argument("--header", metavar="FILE", help="a pgtable.h: its lazy-MMU functions are under test")
    run.add_argument("--json", metavar="FILE", help="write results as JSON; - is standard output")
    run.add_argument("--junit", metavar="FILE", help="write results as JUnit XML; - is standard output")
    run.add_argument("--ktap", metavar="FILE", help="write results as KTAP version 1; - is standard output")
    run.add_argument("--html", metavar="FILE", help="write results as a page for a browser; - is standard output")
    run.add_argument("--out", metavar="DIR", help="results folder (default: one of the user's, the last 20 are kept)")
    run.add_argument("--resume", metavar="DIR", help="run what the run with this results folder left, as it was begun")
    run.add_argument("--jobs", type=_jobs, metavar="N", help="guests at the same time (default: by cores and memory)")
    run.add_argument(
        "--isolation", type=_isolation, default="shared", help=f"a guest for each: {', '.join(_ISOLATIONS)} (default)"
    )
    run.add_argument("--fresh-boot", action="store_true", help="boot every guest, restore none from a snapshot")
    run.add_argument("--quiet", action="store_true", help="show only what is no pass, and the last line")
    run.add_argument("--verbose", action="store_true", help="show each unit as it ends")
    run.add_argument("--known", metavar="FILE", help="failures that are known, with reasons and dates")
    run.add_argument("--repeat", type=_times, default=1, metavar="N", help="run everything N times")
    run.add_argument("--shuffle", type=_seed, metavar="SEED", help="run in the order that this number gives")
    run.add_argument("--trace", action="store_true", help="steps of every trace in the JSON, not only of failures")
    run.add_argument("--timeout-scale", type=_scale, default=1.0, metavar="N", help="multiply every time limit")
    run.add_argument("--no-skip", action="store_true", help="a skip is an error")
    run.add_argument("--offline", action="store_true", help="use only what the cache has")
    run.add_argument("--bisect", action="store_true", help="exit status for git bisect run: 125 in place of 2 and 3")
    run.add_argument("--watch", action="store_true", help="run again when a scenario or the module changes")


def words_apart(argv: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """Return our own arguments, and the command for the guest behind `--`, of which argparse must take nothing."""
    if "--" not in argv:
        return argv, ()
    end = list(argv).index("--")
    if end + 1 == len(argv):
        raise UsageError("a command is needed behind --")
    return argv[:end], tuple(argv[end + 1 :])


def _shell_flags(shell: argparse.ArgumentParser) -> None:
    shell.add_argument("arch", metavar="ARCH", help="architecture of the guest")
    shell.add_argument("--kernel", action="append", help="kernel of images/kernels.yaml (default: lts)")
    _transport_flag(shell, "line to the guest")
    shell.add_argument("--push", action="append", default=[], metavar="FILE", help="a file for the guest's /root")
    shell.add_argument(
        "--pull", action="append", default=[], metavar="FILE", help="a file of the guest that lands here at the end"
    )
    shell.add_argument("--kernel-arg", action="append", default=[], metavar="ARG", help="for the kernel's command line")
    shell.add_argument(
        "--qemu-arg", action="append", default=[], metavar="ARGS", help="for QEMU's command line; the guest then boots"
    )
    shell.add_argument("--timeout-scale", type=_scale, default=1.0, metavar="N", help="multiply every time limit")
    shell.add_argument("--offline", action="store_true", help="use only what the cache has")


def _survey_flags(survey: argparse.ArgumentParser) -> None:
    survey.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=_SCENARIO_HELP)
    survey.add_argument(
        "--arch",
        action="append",
        default=[],
        help="architecture, or all; may be repeated (default: arm64, s390x and x86_64)",
    )
    survey.add_argument("--kernel", action="append", help="kernel; may be repeated (default: all that there are)")
    survey.add_argument("--tag", action="append", default=[], help="only scenarios with one of these tags")
    survey.add_argument("--page", metavar="FILE", help="write the page in Markdown (default: to standard output)")
    survey.add_argument(
        "--jobs", type=_jobs, metavar="N", help="guests at the same time (default: by cores and memory)"
    )
    survey.add_argument("--timeout-scale", type=_scale, default=1.0, metavar="N", help="multiply every time limit")
    survey.add_argument("--offline", action="store_true", help="use only what the cache has")


def _list_flags(listing: argparse.ArgumentParser) -> None:
    listing.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=_SCENARIO_HELP)
    listing.add_argument("--tag", action="append", default=[], help="only scenarios with one of these tags")
    listing.add_argument("--impl", type=_implementation, help="only scenarios that can run on this implementation")


def _image_flags(verbs: Any) -> None:
    """Add the commands that are about what guests are made of."""
    setup = verbs.add_parser("setup", help="fetch and build what guests need, and no more", allow_abbrev=False)
    setup.add_argument(
        "--kernel", action="append", help="kernel of images/kernels.yaml; may be repeated (default: lts)"
    )
    _transport_flag(setup, "line to the guest that is to be used later")
    setup.add_argument("--update", action="store_true", help="resolve the kernel's version anew")
    setup.add_argument("--offline", action="store_true", help="only check that everything is there")

    kernels = verbs.add_parser("kernels", help="say what each kernel is, and has, or why not", allow_abbrev=False)
    kernels.add_argument("--update", action="store_true", help="ask apt now; without it the network is not used")
    kernels.add_argument("--json", metavar="FILE", help="write the kernels as JSON; - is standard output")

    doctor = verbs.add_parser(
        "doctor", help="say what is there, what is missing, whether a run can work", allow_abbrev=False
    )
    doctor.add_argument(
        "--kernel", action="append", help="kernel of images/kernels.yaml; may be repeated (default: lts)"
    )
    doctor.add_argument("--offline", action="store_true", help="ask about a run that may not fetch anything")
    doctor.add_argument("--json", metavar="FILE", help="write the checks as JSON; - is standard output")


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line; what its types refuse is a UsageError."""
    whole = argparse.ArgumentParser(
        prog="lazymmu",
        description="Checks nested lazy MMU mode on emulated arm64, s390x and x86_64 guests against a model.",
        epilog="exit status: 0 all passed, 1 a wrong implementation, 2 wrong usage or scenario, 3 a machine or tool "
        "failed, 130 interrupted",
        allow_abbrev=False,
    )
    verbs = whole.add_subparsers(dest="command", metavar="COMMAND")

    run = verbs.add_parser("run", help="run scenarios on guests and compare with the model", allow_abbrev=False)
    _run_flags(run)

    predict = verbs.add_parser("predict", help="print what the model says; no guest", allow_abbrev=False)
    _selection_flags(predict)
    predict.add_argument("--json", metavar="FILE", help="write predictions as JSON; - is standard output")
    predict.add_argument("--trace", action="store_true", help="steps of every trace in the JSON")

    diff = verbs.add_parser("diff", help="say where revisions part in a scenario; no guest", allow_abbrev=False)
    diff.add_argument("scenarios", nargs="+", metavar="SCENARIO", help="name, file or directory")
    diff.add_argument(
        "--arch",
        action="append",
        default=[],
        help="architecture, or all; may be repeated (default: arm64, s390x and x86_64)",
    )
    diff.add_argument("--api", action="append", default=[], help="revision; may be repeated (default: all)")
    diff.add_argument("--tag", action="append", default=[], help="only scenarios with one of these tags")
    diff.add_argument("--json", metavar="FILE", help="write groups and partings as JSON; - is standard output")

    compare = verbs.add_parser("compare", help="say what changed from one run to another", allow_abbrev=False)
    compare.add_argument("old", metavar="OLD", help="results of a run: a file of --json, or a results folder")
    compare.add_argument("new", metavar="NEW", help="those of a later one")
    compare.add_argument("--json", metavar="FILE", help="write the changes as JSON; - is standard output")

    _list_flags(verbs.add_parser("list", help="list scenarios", allow_abbrev=False))

    lint = verbs.add_parser("lint", help="check scenario files; no guest", allow_abbrev=False)
    lint.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=_SCENARIO_HELP)

    _image_flags(verbs)

    clean = verbs.add_parser("clean", help="remove leftovers and what is beyond its limit", allow_abbrev=False)
    clean.add_argument(
        "--all", action="store_true", help="remove the whole cache and all results in their default folder"
    )
    clean.add_argument("--dry-run", action="store_true", help="only say what would be removed")

    bench = verbs.add_parser("bench", help="measure the harness on this machine", allow_abbrev=False)
    bench.add_argument(
        "--arch",
        action="append",
        default=[],
        help="architecture, or all; may be repeated (default: arm64, s390x and x86_64)",
    )
    bench.add_argument("--repetitions", type=_repetitions, default=5, metavar="N", help="of each figure (default: 5)")
    bench.add_argument("--json", metavar="FILE", help="write all figures as JSON; - is standard output")

    mutants = verbs.add_parser("mutants", help="which scenarios notice which mistake", allow_abbrev=False)
    mutants.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=_SCENARIO_HELP)
    mutants.add_argument("--mutant", action="append", default=[], metavar="NAME", help="only this one; may be repeated")
    mutants.add_argument("--full", action="store_true", help="each against all scenarios, not only until it is killed")
    mutants.add_argument("--list", action="store_true", help="only name the mutants")
    mutants.add_argument(
        "--arch",
        action="append",
        default=[],
        help="architecture, or all; may be repeated (default: arm64, s390x and x86_64)",
    )
    mutants.add_argument("--api", action="append", default=[], help="revision; may be repeated (default: all)")
    mutants.add_argument("--tag", action="append", default=[], help="only scenarios with one of these tags")
    mutants.add_argument("--json", metavar="FILE", help="write what became of each as JSON; - is standard output")

    _shell_flags(
        verbs.add_parser(
            "shell",
            help="a prompt in a guest; behind -- one command there",
            usage="lazymmu shell ARCH [flags] [-- COMMAND [ARGUMENT ...]]",
            allow_abbrev=False,
        )
    )

    survey = verbs.add_parser("survey", help="run everything on every kernel, for one page", allow_abbrev=False)
    # It is some runs, which ask for their other flags.
    survey.set_defaults(**vars(run.parse_args([])))
    _survey_flags(survey)

    verbs.add_parser("test", help="run the project's own tests; what follows is handed to pytest", add_help=False)
    return whole
