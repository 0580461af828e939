"""The servers of known truth: each shape as it is scripted, as it is served, and as the command tells it."""

import ast
import asyncio
import json
import re
import time
from pathlib import Path

import pytest

from onbox.evidence.decode_rate import digest
from onbox.evidence.records import Exchange
from onbox.evidence.replies import read_reply
from onbox.selftest.lateness import Metronome, was_late
from onbox.selftest.script import SPLIT_S, script, truth_tok_s
from onbox.selftest.server import ShapeServer
from onbox.selftest.shapes import INVALID, SHAPES, SUSPECT, VALID, Shape, TokenTiming
from onbox.wire.client import StampedClient
from onbox.wire.decoding import Decoder
from onbox.wire.endpoint import Endpoint

TOKENS = 128
USUAL = TokenTiming()
QUICK = TokenTiming(prefill_s=0.05, token_s=0.005, stall_s=0.1)
BY_NAME = [pytest.param(shape, id=name) for name, shape in SHAPES.items()]
SHOWN = [pytest.param(shape, id=name) for name, shape in SHAPES.items() if shape.expected != INVALID]
SOURCE = Path(__file__).parents[3] / "src" / "onbox"
PAGE = Path(__file__).parents[3] / "docs" / "selftest.md"
MATRIX = PAGE.with_name("tool-matrix.md")


def played(shape: Shape, tempo: TokenTiming) -> Exchange:
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
        tempo = TokenTiming(token_s=token_s)
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


def test_served_by_the_models_name() -> None:
    async def exchanges() -> list[Exchange]:
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

    streamed, whole, nobody, other_api, models, metrics, nowhere = asyncio.run(exchanges())
    assert (read_reply(streamed).chunks, read_reply(streamed).completion_tokens) == (4, 16)
    assert read_reply(whole).completion_tokens == 16
    assert [nobody.status, other_api.status, nowhere.status] == [404, 404, 404]
    assert "/v1/chat/completions" in (read_reply(other_api).error or "")
    assert {model["id"] for model in json.loads(models.body())["data"]} == set(SHAPES)
    assert "vllm:generation_tokens_total 32\n" in metrics.body().decode()


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


def test_no_stamp_comes_from_a_clock_that_can_step() -> None:
    """The wall clock is for people: of the rooms that stamp or measure, none reads it but by `utc_now`."""
    for room in ("wire", "speed", "selftest", "judge", "evidence"):
        for module in sorted((SOURCE / room).glob("*.py")):
            tree = ast.parse(module.read_text("utf-8"))
            calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
            assert not calls & {"time.time", "time.time_ns", "time.localtime"}, module
            assert "datetime.now" not in calls or module.name == "folder.py", module


def test_the_matrix_of_other_clients_is_about_these_shapes() -> None:
    rows = re.findall(r"^\| ([\w.-]+) \| ([^|]+) \|(.*)\|$", MATRIX.read_text(), re.MULTILINE)
    record = {name: (says, rest.split("|")[-1].strip()) for name, says, rest in rows if name in SHAPES}
    assert len(record) >= 20
    for name, (says, own) in record.items():
        assert says == SHAPES[name].says
        refused = own.startswith("refused: ")
        assert refused == (SHAPES[name].expected == INVALID)
        if refused:
            assert own.removeprefix("refused: ") == ", ".join(sorted(SHAPES[name].checks))
        else:
            assert abs(float(own.strip("*").split(",")[0]) - 100) < 1


def test_the_page_shows_every_shape() -> None:
    rows = re.findall(r"^\| ([\w.-]+) \| (.+) \| (\w+) \| (.*) \|$", PAGE.read_text(), re.MULTILINE)
    lines = [row for row in rows if row[0] != "shape"]
    assert lines == [(s.name, s.says, s.expected, ", ".join(sorted(s.checks))) for s in SHAPES.values()]
