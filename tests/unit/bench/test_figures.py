# SPDX-License-Identifier: GPL-2.0-only
"""The benchmark's figures: steps read from a console, medians, ratios, the table and the JSON document."""

import pytest
from lazymmu.bench import baselines, figures
from lazymmu.bench.figures import Series
from lazymmu.bench.measure import one_step
from lazymmu.cli import main
from lazymmu.subject.simulator import predict
from lazymmu.subject.trace import Trace
from lazymmu.support.errors import GuestError

# Of a guest's console, echo included.
CONSOLE = (
    "\x1b[6nstep 3 merged arm64 enable\r\n"
    "[   10.248757] lazymmu: run 3 begin revision=merged personality=arm64 steps=1\r\n"
    "[   10.249777] lazymmu: run 3 step 0 enable task=main hooks=e inside=1 active=1 enable_count=1 pause_count=0 "
    "outstanding=0 | enable=1 arch_enter=1\r\n"
    "[   10.250784] lazymmu: run 3 total enable=1 disable=0 pause=0 resume=0 flush=0 arch_enter=1\r\n"
    "[   10.251258] lazymmu: run 3 end lines=5 crc=4f3a5961\r\n"
)
HOST = {"cpu": "A CPU", "cores": 2, "kernel": "6.18", "qemu": "10.0", "load": [0.1, 1.9]}
SERIES = (
    Series("fast", "1/s", {"arm64": [900.0, 3000.0, 1200.0], "s390x": [800.0, 800.0, 800.0]}),
    Series("slow", "1/s", {"arm64": [2.0, 3.0, 4.0], "s390x": [4.0, 4.0, 4.0]}),
    Series("start", "s", {"arm64": [0.123, 0.5, 0.125], "s390x": [1.0, 1.0, 1.0]}),
)
RATIOS = {"fast / slow": ("fast", "slow")}


def test_hooks_and_counters_on_a_console_are_as_the_model_predicts() -> None:
    observed = baselines.parse(CONSOLE, 3, "enable")
    predicted = predict(one_step("enable"), "merged", "arm64")
    assert isinstance(predicted, Trace)
    assert (observed.operation, observed.hooks) == ("enable", predicted.hooks) == ("enable", "e")
    assert observed.counters == {name: value for name, value in predicted.counters.items() if value}
    assert baselines.parse(CONSOLE.replace("hooks=e inside=1", "hooks=- inside=-"), 3, "enable").hooks == ""


@pytest.mark.parametrize(
    ("text", "run", "operation"),
    [
        pytest.param(CONSOLE, 4, "enable", id="another run"),
        pytest.param(CONSOLE, 3, "disable", id="another step"),
        pytest.param(CONSOLE[: CONSOLE.index("run 3 end")], 3, "enable", id="cut short"),
        pytest.param('lazymmu: program line 2: the text stops before "end"\r\n', 3, "enable", id="refused"),
    ],
)
def test_a_console_without_the_whole_report_of_the_step_is_an_error(text: str, run: int, operation: str) -> None:
    with pytest.raises(GuestError, match="no report of step"):
        baselines.parse(text, run, operation)


def test_the_table_has_medians_and_their_ratios_for_each_architecture() -> None:
    assert figures.markdown(SERIES, RATIOS, HOST) == [
        "| | arm64 | s390x |",
        "|---|---:|---:|",
        "| fast, per second | 1,200 | 800 |",
        "| slow, per second | 3 | 4 |",
        "| start, seconds | 0.125 | 1 |",
        "| fast / slow, times | 400 | 200 |",
        "",
        "Medians of 3; A CPU, 2 processors, Linux 6.18, QEMU 10.0, load 0.1 to 1.9.",
    ]


def test_the_document_has_every_measurement() -> None:
    document = figures.document(SERIES, RATIOS, {"host": HOST})
    assert (document["host"], len(document["figures"])) == (HOST, 2 * len(SERIES))
    first = {"name": "fast", "unit": "1/s", "arch": "arm64", "median": 1200.0, "values": [900.0, 3000.0, 1200.0]}
    assert document["figures"][0] == first
    assert document["ratios"] == [
        {"name": "fast / slow", "arch": "arm64", "value": 400.0},
        {"name": "fast / slow", "arch": "s390x", "value": 200.0},
    ]


@pytest.mark.parametrize(
    ("text", "model"),
    [
        ("processor\t: 0\nmodel name\t: Some Xeon @ 2.50GHz\nflags\t: fpu\n", "Some Xeon @ 2.50GHz"),
        ("processor 0: version = FF,  machine = 8561\n", "version = FF,  machine = 8561"),
    ],
)
def test_the_processor_has_the_name_that_the_kernel_gives_it(text: str, model: str) -> None:
    assert figures.cpu_model(text) == model
    assert figures.cpu_model("BogoMIPS\t: 50.00\n")


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--repetitions=0", "--repetitions 0: an integer from 1 to 100 is needed"),
        ("--repetitions=101", "--repetitions 101"),
        ("--repetitions=1e1", "--repetitions 1e1"),
        ("--arch=arm46", "did you mean `arm64`?"),
    ],
)
def test_a_wrong_flag_is_refused(flag: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", flag]) == 2
    assert message in capsys.readouterr().err
