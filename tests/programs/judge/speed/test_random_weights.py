"""A server without sense on purpose: its rate is of the kernels, told, and neither compared nor published."""

import csv
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from onbox.app.exporting import export_trial
from onbox.app.judging import judge_trial
from onbox.app.preflight import check_server
from onbox.app.speed import SpeedResult, measure_speed
from onbox.cli.commands import speed as speed_command
from onbox.errors import BadSubjectError, UsageError
from onbox.evidence.claims import Claim
from onbox.evidence.folder import TrialFolder
from onbox.judge import thresholds
from onbox.judge.rates import RateOrder
from onbox.judge.speed.rate_comparison import rate_ratio
from onbox.report import post
from onbox.schema.checks import Check, Status
from onbox.schema.recipe import dummy_weights
from onbox.trial.plan import make_plan
from onbox.trial.spec import TrialSpec
from tests.verdicts import measurement

ROOT = Path(__file__).parents[4]
SERVER = """
import sys, time
from tests.exchanges import delta, event, usage_event
from tests.doubles.server import serving

def script(asked, wire):
    if asked.path == "/v1/models":
        wire.whole(200, {"data": [{"id": "m"}]})
    elif asked.method != "POST":
        wire.whole(404, b"none")
    else:
        tokens = int(asked.json().get("max_tokens", 8))
        pieces = [delta(content="Oce ").encode()] * (tokens - 1) + [delta("length", content="Oce ").encode()]
        wire.stream([*pieces, (usage_event(9, tokens) + event("[DONE]")).encode()], gap_s=0.01)

with serving(script) as server:
    print(server.url, flush=True)
    sys.stdin.read()
"""


def server(*options: str) -> Iterator[str]:
    command = [sys.executable, "-c", SERVER, "serve", *options]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip() + "/v1"
        finally:
            process.communicate()


@pytest.fixture(scope="module")
def nonsense() -> Iterator[str]:
    yield from server()


@pytest.fixture(scope="module")
def dummy() -> Iterator[str]:
    yield from server("--load-format", "dummy")


@pytest.fixture(scope="module", autouse=True)
def _whatever_else_runs_here() -> Iterator[None]:
    """Other tests beside this one are no matter here: whether there is a number must not depend on them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(thresholds, "FOREIGN_CPU_FAIL", 2.0)
        yield


CLAIM = Claim(name="theirs", models=["m"], tok_s=200.0, source="a page")


def measured(url: str, out: Path, *, random_weights: bool = False) -> SpeedResult:
    return measure_speed(
        url, tokens=48, requests=4, at_least_s=0, claims=[CLAIM], random_weights=random_weights, out=out / "trial"
    )


def coherence(found: SpeedResult) -> Check:
    return next(check for check in found.measurement.checks if check.id == "COHERENCE")


@pytest.fixture(scope="module")
def kernel_speed(nonsense: str, tmp_path_factory: pytest.TempPathFactory) -> SpeedResult:
    return measured(nonsense, tmp_path_factory.mktemp("told"), random_weights=True)


@pytest.mark.slow
def test_nonsense_that_nobody_meant_leaves_no_number_and_names_the_option(nonsense: str, tmp_path: Path) -> None:
    found = measured(nonsense, tmp_path)
    assert (found.measurement.decode_tok_s, found.measurement.rate_of) == (None, "model")
    assert coherence(found).status is Status.FAIL
    assert "--random-weights" in coherence(found).hint


def test_nonsense_on_purpose_has_a_rate_of_the_kernels(kernel_speed: SpeedResult) -> None:
    assert (kernel_speed.measurement.rate_of, coherence(kernel_speed).status) == ("kernels", Status.PASS)
    assert "none, as expected of random weights" in str(coherence(kernel_speed).observed)
    assert kernel_speed.measurement.decode_tok_s is not None
    assert 20 < kernel_speed.measurement.decode_tok_s < 120


@pytest.mark.slow
def test_the_command_line_of_a_server_on_this_box_says_so_too(dummy: str, tmp_path: Path) -> None:
    found = measured(dummy, tmp_path)
    assert found.measurement.rate_of == "kernels"
    request = check_server(dummy, out=tmp_path / "preflight")
    assert request.conclusion == (
        "No agent can work with it: its weights are random. Only the rate of its kernels can be measured"
    )
    assert "as its random weights must" in request.record.cases[0].detail


def test_reports_mark_it_and_the_post_holds_it_back(kernel_speed: SpeedResult) -> None:
    pages = {
        name: (kernel_speed.folder / name).read_text("utf-8") for name in ("report.md", "report.html", "verdict.json")
    }
    for name, text in pages.items():
        assert "of the kernels, not of the model" in text, name
    text = post.render(TrialFolder.open(kernel_speed.folder), judge_trial(kernel_speed.folder))
    row = next(line for line in text.splitlines() if line.startswith("| **"))
    assert "not published: random weights" in row
    assert "tok/s" not in row


def test_it_is_compared_with_nothing(kernel_speed: SpeedResult) -> None:
    (claim,) = [claim for claim in kernel_speed.measurement.claims if claim.name == "theirs"]
    assert claim.verdict == "not comparable"
    assert claim.differences[0].what in ("value", "weights")
    assert "weights" in [each.what for each in claim.differences if each.bars]
    found = rate_ratio(measurement(50.0), kernel_speed.measurement)
    assert (found.said, found.ratio) == (RateOrder.NOT_COMPARED, None)
    assert "of the kernels" in found.why


@pytest.mark.parametrize("kind", ["llama-benchy", "llama-bench", "aiperf"])
def test_other_tools_formats_refuse_it(kind: str, kernel_speed: SpeedResult, tmp_path: Path) -> None:
    with pytest.raises(BadSubjectError, match="its weights are random: a rate of the kernels is not published"):
        export_trial(kernel_speed.folder, kind, tmp_path)


def test_plain_csv_marks_it(kernel_speed: SpeedResult, tmp_path: Path) -> None:
    export_trial(kernel_speed.folder, "csv", tmp_path / "speed.csv")
    (row,) = csv.DictReader((tmp_path / "speed.csv").read_text("utf-8").splitlines())
    assert row["rate_of"] == "kernels"


@pytest.mark.slow
def test_the_terminal_says_it(nonsense: str, tmp_path: Path) -> None:
    line = [nonsense, "--random-weights", "--tokens", "32", "--requests", "2", "--at-least", "0"]
    done = CliRunner().invoke(speed_command.command, [*line, "--out", str(tmp_path / "t")])
    assert done.exit_code == 0, done.output
    assert "of the kernels, not of the model" in " ".join(done.output.split())


@pytest.mark.parametrize(
    "more", [{"random_weights": True}, {"serve": {"arguments": {"load-format": "dummy"}}}], ids=["said", "dummy"]
)
def test_no_task_is_planned_for_it(more: dict[str, object], tmp_path: Path) -> None:
    file = tmp_path / "r.yaml"
    file.write_text(yaml.safe_dump({"name": "m", "engine": "attached", "url": "http://127.0.0.1:9/v1", **more}))
    with pytest.raises(UsageError, match="its weights are random, so it cannot pass any task"):
        make_plan(TrialSpec(contenders=(str(file),)), sandbox="bwrap", read_gb_s=None)


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        ({"load-format": "dummy"}, True),
        ({"load_format": "dummy"}, True),
        ({"--load-format": "dummy"}, True),
        ({"load-format": "auto"}, False),
        ({}, False),
    ],
)
def test_dummy_weights(arguments: dict[str, str], meant: bool) -> None:
    assert dummy_weights(arguments) is meant
