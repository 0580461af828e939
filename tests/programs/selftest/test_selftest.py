"""The servers of known truth: each shape as it is scripted, as it is served, and as the command tells it."""

import itertools
import json
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from onbox.app.selftest import judge_measured
from onbox.cli.commands import selftest as cli
from onbox.cli.commands import speed
from onbox.errors import BadSubjectError, UsageError
from onbox.evidence.folder import TrialFolder
from onbox.evidence.records import SpeedPlan
from onbox.evidence.replies import read_reply
from onbox.judge.results import Validity
from onbox.judge.speed.checks import HARD
from onbox.selftest.host import serving
from onbox.selftest.run import measure_shapes
from onbox.selftest.shapes import INVALID, SHAPES, Shape, TokenTiming
from onbox.speed import scraping
from onbox.wire.client import StampedClient

TOKENS = 128


QUICK = TokenTiming(prefill_s=0.05, token_s=0.005, stall_s=0.1)
BY_NAME = [pytest.param(shape, id=name) for name, shape in SHAPES.items()]


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every shape measured once over real sockets, all at a time and faster than usual."""
    folder = tmp_path_factory.mktemp("selftest")
    plan = SpeedPlan(requests=2, tokens=TOKENS, warmup_requests_max=1)
    measure_shapes(list(SHAPES.values()), folder, tempo=QUICK, plan=plan, jobs=19, tries=1)
    return folder


@pytest.mark.alone
@pytest.mark.parametrize("shape", BY_NAME)
def test_over_the_wire_it_is_refused_or_not_for_the_right_reason(shape: Shape, evidence: Path) -> None:
    """Rates are not asked here: the machine that runs the tests may be busy."""
    result = judge_measured(evidence, shape.name)
    if shape.expected == INVALID:
        assert (result.status, result.checks) == (Validity.INVALID, result.expected_checks), result.why
        assert result.measured_tok_s is None
        assert result.error_pct is None
        assert result.passed
    else:
        assert result.status is not Validity.INVALID, result.why
        assert set(result.expected_checks) <= set(result.checks)
        assert (result.measured_tok_s is None) == ("WITNESSES_AGREE" in result.checks and shape.usage != "none")


@pytest.mark.alone
def test_a_wrong_rate_and_a_wrong_reason_are_missed(evidence: Path) -> None:
    for name, field, value in (("one-shot", "expected_checks", ["BURSTS"]), ("short", "expected_status", "valid")):
        path = evidence / name / "truth.json"
        truth = path.read_text()
        path.write_text(json.dumps({**json.loads(truth), field: value}))
        result = judge_measured(evidence, name)
        path.write_text(truth)
        assert not result.passed
        assert "should be" in result.why
    path = evidence / "no-usage" / "truth.json"
    truth = path.read_text()
    path.write_text(json.dumps({**json.loads(truth), "tok_s": 190.0}))
    result = judge_measured(evidence, "no-usage")
    path.write_text(truth)
    assert "percent off" in result.why


@pytest.mark.parametrize("streamed", [True, False])
def test_every_shape_knows_the_capital_of_france(streamed: bool) -> None:
    question = [{"role": "user", "content": "What is the capital of France? Answer with one word."}]
    body = {"model": "refused", "stream": streamed, "messages": question}
    with serving(["refused", "completions"], QUICK) as endpoints:
        for endpoint in endpoints.values():
            with StampedClient(endpoint) as client:
                reply = read_reply(client.post("/chat/completions", body, purpose="probe"))
                text = client.get("/metrics").body().decode()
            assert (reply.content, reply.finish_reason, reply.completion_tokens) == ("Paris", "stop", 2)
            assert "vllm:generation_tokens_total 2\n" in text


@pytest.mark.alone
@pytest.mark.parametrize("shape", ["clean", "usage-one"])
def test_onbox_speed_measures_such_a_server_like_any_other(
    shape: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scraping, "IDLE_GAP_S", 0.0)
    refused = set(SHAPES[shape].checks)
    with serving([shape], QUICK) as endpoints:
        url = f"http://127.0.0.1:{endpoints[shape].port}/v1"
        requests = [url, "--model", shape, "--requests", "2", "--tokens", "48", "--at-least", "0"]
        done = CliRunner().invoke(speed.command, [*requests, "--out", str(tmp_path / "t"), "--json"])
    assert done.exception is None
    found = json.loads(done.stdout)
    failed = {check["id"] for check in found["checks"] if check["status"] == "fail" and check["id"] in HARD}
    assert failed - {"FOREIGN_CPU"} == refused, "the machine that runs the tests may be busy"
    assert found["profile"]["model"] == shape


@pytest.mark.alone
def test_a_step_of_the_wall_clock_does_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wall clock goes back by an hour in every reply; the record shows it, and the stamps do not."""
    began, looks = time.time(), itertools.count()

    def stepping() -> str:
        return datetime.fromtimestamp(began - 3600 * next(looks), UTC).isoformat()

    monkeypatch.setattr("onbox.wire.client.utc_now", stepping)
    monkeypatch.setattr("time.time", lambda: began - 3600 * next(looks))
    plan = SpeedPlan(requests=2, tokens=TOKENS, warmup_requests_max=1)
    measure_shapes([SHAPES["clean"]], tmp_path, tempo=QUICK, plan=plan, jobs=1, tries=1)
    exchanges = TrialFolder(tmp_path).exchanges(tmp_path / "clean" / "speed" / "1" / "requests.jsonl")
    moments = [exchange.started_at for exchange in exchanges]
    assert moments == sorted(moments, reverse=True)
    assert len(set(moments)) == len(moments) == 4
    for exchange in exchanges:
        stamps = [t_ns for t_ns, _ in exchange.chunks]
        assert stamps == sorted(stamps)
        assert 0 < stamps[0] < stamps[-1] < 60e9
    result = judge_measured(tmp_path, "clean")
    assert result.status is not Validity.INVALID, result.why
    assert result.measured_tok_s == pytest.approx(result.truth_tok_s, rel=0.2), "an hour would be off by thousands"


class TestLateness:
    def test_a_try_that_was_disturbed_is_set_aside_and_made_again(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        answers = iter([True, False])
        monkeypatch.setattr("onbox.selftest.run.was_late", lambda *_: next(answers))
        monkeypatch.setattr("onbox.selftest.run.PAUSE_S", 0.0)
        plan = SpeedPlan(requests=1, tokens=16, warmup_requests_max=1)
        lines: list[str] = []
        measure_shapes([SHAPES["clean"]], tmp_path, tempo=QUICK, plan=plan, on_shape=lines.append)
        assert lines == ["clean"]
        for place in ("set-aside/1", "speed/1"):
            assert (tmp_path / "clean" / place / "run.json").is_file()
        assert list(answers) == []


@pytest.mark.alone
class TestCommand:
    @pytest.fixture(autouse=True)
    def _quick(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Rates are not asked: the command is what is tested, and its servers need not be slow."""
        quick = partial(measure_shapes, plan=SpeedPlan(requests=2, tokens=TOKENS, warmup_requests_max=1))
        monkeypatch.setattr("onbox.app.selftest.measure_shapes", lambda *a, **k: quick(*a, **{**k, "tempo": QUICK}))
        monkeypatch.setattr("onbox.selftest.run.PAUSE_S", 0.0)

    def run(self, *arguments: str) -> tuple[str, BaseException | None]:
        result = CliRunner().invoke(cli.command, arguments)
        return result.stdout, result.exception

    def test_keeps_the_contract(self, tmp_path: Path) -> None:
        result, error = self.run("--shape", "one-shot", "--shape", "refused", "--out", str(tmp_path / "kept"), "--json")
        assert error is None
        shapes = json.loads(result)["shapes"]
        assert [shape["name"] for shape in shapes] == ["one-shot", "refused"]
        keys = {"name", "truth_tok_s", "measured_tok_s", "error_pct", "status", "expected_status", "pass"}
        assert all(keys <= set(shape) for shape in shapes)
        assert [shape["pass"] for shape in shapes] == [True, True]
        assert (tmp_path / "kept" / "one-shot" / "speed" / "1" / "requests.jsonl").is_file()
        _, error = self.run("--shape", "one-shot", "--out", str(tmp_path / "kept"))
        assert isinstance(error, UsageError)

    def test_a_missed_shape_is_exit_code_1(self, monkeypatch: pytest.MonkeyPatch) -> None:
        wrong = {**SHAPES, "refused": Shape("refused", "status 503", fault="status")}
        monkeypatch.setattr("onbox.app.selftest.SHAPES", wrong)
        result, error = self.run("--shape", "refused")
        assert isinstance(error, BadSubjectError)
        assert error.exit_code == 1
        assert "refused: it is invalid" in error.message
        assert "should be valid" in " ".join(result.split())

    def test_mistakes_are_named(self) -> None:
        for arguments in (["--shape", "nobody"], ["--serve", "--shape", "clean", "--shape", "gzip"]):
            _, error = self.run(*arguments)
            assert isinstance(error, UsageError)
        _, port = self.run("--port", "99999")
        assert isinstance(port, click.UsageError | SystemExit)
