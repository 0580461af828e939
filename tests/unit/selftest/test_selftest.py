"""The servers of known truth: each shape as it is scripted, as it is served, and as the command tells it."""

import ast
import asyncio
import itertools
import json
import re
import time
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from onbox.app.selftest import judge_measured
from onbox.cli.commands import selftest as cli
from onbox.cli.commands import speed
from onbox.errors import BadSubjectError, UsageError
from onbox.evidence.decode_rate import digest
from onbox.evidence.folder import TrialFolder
from onbox.evidence.records import Exchange, SpeedPlan
from onbox.evidence.replies import read_reply
from onbox.judge.results import Validity
from onbox.judge.speed.checks import HARD
from onbox.selftest.host import serving
from onbox.selftest.lateness import Metronome, was_late
from onbox.selftest.run import measure_shapes
from onbox.selftest.script import SPLIT_S, script, truth_tok_s
from onbox.selftest.server import ShapeServer
from onbox.selftest.shapes import INVALID, SHAPES, SUSPECT, VALID, Shape, Tempo
from onbox.wire.client import StampedClient
from onbox.wire.decoding import Decoder
from onbox.wire.endpoint import Endpoint

TOKENS = 128
USUAL = Tempo()
QUICK = Tempo(prefill_s=0.05, token_s=0.005, stall_s=0.1)
BY_NAME = [pytest.param(shape, id=name) for name, shape in SHAPES.items()]
SHOWN = [pytest.param(shape, id=name) for name, shape in SHAPES.items() if shape.expected != INVALID]
SOURCE = Path(__file__).parents[3] / "src" / "onbox"
PAGE = Path(__file__).parents[3] / "docs" / "selftest.md"
MATRIX = PAGE.with_name("tool-matrix.md")


def played(shape: Shape, tempo: Tempo) -> Exchange:
    """The exchange that a client without any lateness would record."""
    answer = script(shape, TOKENS, tempo)
    decoder = Decoder(answer.headers.get("content-encoding", ""))
    chunks = [(round(beat.at_s * 1e9), decoder.feed(beat.data)) for beat in answer.beats]
    return Exchange(
        id=1,
        purpose="measured",
        started_at="2026-01-01T00:00:00.000Z",
        t0_ns=0,
        method="POST",
        path="/v1",
        status=answer.status,
        headers=answer.headers,
        chunks=tuple((t_ns, data.decode("utf-8", "surrogateescape")) for t_ns, data in chunks if data),
    )


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every shape measured once over real sockets, all at a time and faster than usual."""
    folder = tmp_path_factory.mktemp("selftest")
    plan = SpeedPlan(requests=2, tokens=TOKENS, warmup_requests_max=1)
    measure_shapes(list(SHAPES.values()), folder, tempo=QUICK, plan=plan, jobs=16, tries=1)
    return folder


class TestShapes:
    def test_there_are_many_and_each_says_what_it_is(self) -> None:
        assert len(SHAPES) >= 24
        assert all(shape.says for shape in SHAPES.values())
        assert {shape.expected for shape in SHAPES.values()} == {VALID, SUSPECT, INVALID}
        assert all(bool(shape.checks) == (shape.expected != VALID) for shape in SHAPES.values())
        different = {repr(shape).partition("api=")[2] for shape in SHAPES.values()}
        assert len(different) == len(SHAPES), "two shapes are the same"

    @pytest.mark.parametrize("shape", SHOWN)
    @pytest.mark.parametrize("token_s", [0.01, 0.002])
    def test_the_estimator_alone_is_within_half_a_percent(self, shape: Shape, token_s: float) -> None:
        if shape.split and token_s <= 2 * SPLIT_S:
            pytest.skip("the halves of a write would be as far apart as tokens are")
        tempo = Tempo(token_s=token_s)
        sample = digest(played(shape, tempo))
        truth = truth_tok_s(shape, TOKENS, tempo)
        if shape.usage == "none":
            assert sample.tok_s is None
        elif shape.name == "hidden-opening":
            assert sample.tok_s == pytest.approx(truth * 1.14, rel=0.01), "which the other witness tells"
        else:
            assert sample.tok_s == pytest.approx(truth, rel=0.005)
            assert sample.reply.error is None
            assert sample.reply.done

    def test_a_split_write_ends_inside_a_character(self) -> None:
        ends = [beat.data for beat in script(SHAPES["split-utf-8"], TOKENS, USUAL).beats]
        with pytest.raises(UnicodeDecodeError):
            [data.decode() for data in ends]
        assert any(beat.data.endswith(b"\\u0") for beat in script(SHAPES["split-escape"], TOKENS, USUAL).beats)

    @pytest.mark.parametrize("shape", BY_NAME)
    def test_writes_are_in_order_of_time(self, shape: Shape) -> None:
        moments = [beat.at_s for beat in script(shape, TOKENS, USUAL).beats]
        assert moments == sorted(moments)

    def test_what_is_asked_without_a_stream_is_one_document(self) -> None:
        (beat,) = script(SHAPES["clean"], TOKENS, USUAL, streamed=False).beats
        body = json.loads(beat.data)
        assert body["usage"]["completion_tokens"] == TOKENS
        assert body["choices"][0]["message"]["content"]

    def test_all_apis_spell_the_same_text(self) -> None:
        names = ("clean", "completions", "responses", "messages", "ollama", "gzip", "data-lines", "crlf", "counted")
        texts = {read_reply(played(SHAPES[name], USUAL)).content.strip()[-100:] for name in names}
        assert len(texts) == 1


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


def test_served_by_the_models_name() -> None:
    async def asked() -> list[Exchange]:
        server, port = await ShapeServer(QUICK).listen()
        endpoint = Endpoint("http", "127.0.0.1", port)

        def ask() -> list[Exchange]:
            body = {"model": "four-a-chunk", "stream": True, "max_tokens": 16, "messages": []}
            with StampedClient(endpoint) as client:
                return [
                    client.post("/chat/completions", body, purpose="probe"),
                    client.post("/chat/completions", {**body, "stream": False}, purpose="probe"),
                    client.post("/chat/completions", {**body, "model": "nobody"}, purpose="probe"),
                    client.post("/responses", body, purpose="probe"),
                    client.get("/v1/models"),
                    client.get("/metrics"),
                    client.get("/nowhere"),
                ]

        async with server:
            return await asyncio.to_thread(ask)

    streamed, whole, nobody, other_api, models, metrics, nowhere = asyncio.run(asked())
    assert (read_reply(streamed).chunks, read_reply(streamed).completion_tokens) == (4, 16)
    assert read_reply(whole).completion_tokens == 16
    assert [nobody.status, other_api.status, nowhere.status] == [404, 404, 404]
    assert "/v1/chat/completions" in (read_reply(other_api).error or "")
    assert {model["id"] for model in json.loads(models.body())["data"]} == set(SHAPES)
    assert "vllm:generation_tokens_total 32\n" in metrics.body().decode()


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
def test_onbox_speed_measures_such_a_server_like_any_other(shape: str, tmp_path: Path) -> None:
    refused = set(SHAPES[shape].checks)
    with serving([shape], QUICK) as endpoints:
        url = f"http://127.0.0.1:{endpoints[shape].port}/v1"
        asked = [url, "--model", shape, "--requests", "2", "--tokens", "128", "--at-least", "0"]
        done = CliRunner().invoke(speed.command, [*asked, "--out", str(tmp_path / "t"), "--json"])
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
    def late(self, *late: tuple[float, float], server_late_s: float = 0.0) -> bool:
        """A reply of 1.27 s that began at 10 s, and a metronome that was late in these spans."""
        metronome = Metronome()
        metronome._late.extend(late)
        exchange = played(SHAPES["clean"], USUAL).model_copy(update={"t0_ns": 10_000_000_000})
        return was_late(metronome, [exchange], time.monotonic() - 100, server_late_s)

    def test_counts_at_the_ends_of_a_reply_alone(self) -> None:
        assert not self.late()
        assert not self.late((10.7, 10.8)), "in the middle"
        assert not self.late((9.0, 9.5)), "before"
        assert self.late((10.17, 10.21)), "the first tokens"
        assert self.late((11.44, 11.48)), "the last tokens"
        assert not self.late((10.19, 10.21)), "a little"
        assert self.late((10.19, 10.21), (11.45, 11.465)), "a little twice"

    def test_the_servers_lateness_counts_too(self) -> None:
        assert self.late(server_late_s=0.04)
        assert not self.late(server_late_s=0.02)

    def test_so_does_a_fifth_of_all_time(self) -> None:
        now = time.monotonic()
        assert self.late(*((now - n - 0.5, now - n) for n in range(1, 60)))

    def test_a_try_that_was_disturbed_is_set_aside_and_made_again(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        answers = iter([True, False])
        monkeypatch.setattr("onbox.selftest.run.was_late", lambda *_: next(answers))
        monkeypatch.setattr("onbox.selftest.run.PAUSE_S", 0.0)
        plan = SpeedPlan(requests=1, tokens=16, warmup_requests_max=1)
        told: list[str] = []
        measure_shapes([SHAPES["clean"]], tmp_path, tempo=QUICK, plan=plan, on_shape=told.append)
        assert told == ["clean"]
        for place in ("set-aside/1", "speed/1"):
            assert (tmp_path / "clean" / place / "run.json").is_file()
        assert list(answers) == []


def test_no_stamp_comes_from_a_clock_that_can_step() -> None:
    """The wall clock is for people: of the rooms that stamp or measure, none reads it but by `utc_now`."""
    for room in ("wire", "speed", "selftest", "judge", "evidence"):
        for module in sorted((SOURCE / room).glob("*.py")):
            tree = ast.parse(module.read_text("utf-8"))
            calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
            assert not calls & {"time.time", "time.time_ns", "time.localtime"}, module
            assert "datetime.now" not in calls or module.name == "folder.py", module


@pytest.mark.alone
class TestCommand:
    def run(self, *arguments: str) -> tuple[str, BaseException | None]:
        result = CliRunner().invoke(cli.command, arguments)
        return result.stdout, result.exception

    def test_keeps_the_contract(self, tmp_path: Path) -> None:
        told, error = self.run("--shape", "one-shot", "--shape", "refused", "--out", str(tmp_path / "kept"), "--json")
        assert error is None
        shapes = json.loads(told)["shapes"]
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
        told, error = self.run("--shape", "refused")
        assert isinstance(error, BadSubjectError)
        assert error.exit_code == 1
        assert "refused: it is invalid" in error.message
        assert "should be valid" in " ".join(told.split())

    def test_mistakes_are_named(self) -> None:
        for arguments in (["--shape", "nobody"], ["--serve", "--shape", "clean", "--shape", "gzip"]):
            _, error = self.run(*arguments)
            assert isinstance(error, UsageError)
        _, port = self.run("--port", "99999")
        assert isinstance(port, click.UsageError | SystemExit)


def test_the_matrix_of_other_clients_is_about_these_shapes() -> None:
    rows = re.findall(r"^\| ([\w.-]+) \| ([^|]+) \|(.*)\|$", MATRIX.read_text(), re.MULTILINE)
    told = {name: (says, rest.split("|")[-1].strip()) for name, says, rest in rows if name in SHAPES}
    assert len(told) >= 20
    for name, (says, own) in told.items():
        assert says == SHAPES[name].says
        refused = own.startswith("refused: ")
        assert refused == (SHAPES[name].expected == INVALID)
        if refused:
            assert own.removeprefix("refused: ") == ", ".join(sorted(SHAPES[name].checks))
        else:
            assert abs(float(own.strip("*").split(",")[0]) - 100) < 1


def test_the_page_tells_every_shape() -> None:
    rows = re.findall(r"^\| ([\w.-]+) \| (.+) \| (\w+) \| (.*) \|$", PAGE.read_text(), re.MULTILINE)
    told = [row for row in rows if row[0] != "shape"]
    assert told == [(s.name, s.says, s.expected, ", ".join(sorted(s.checks))) for s in SHAPES.values()]
