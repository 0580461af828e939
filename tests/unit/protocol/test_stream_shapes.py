"""The reader of streams: any framing, any chunking, every API, and nothing that makes it raise."""

import gzip
import json
import zlib
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onbox.evidence.replies import read_reply
from onbox.protocol.api_formats import piece_of
from onbox.protocol.framing import LineParser, SseParser, framing_of
from onbox.protocol.reply import Reply
from onbox.protocol.reply_reader import ReplyReader
from onbox.wire.decoding import ContentEncodingError, Decoder
from tests.exchanges import call_delta, delta, event, streamed, usage_event

DATA = Path(__file__).parents[2] / "data"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 300) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
FIELDS = [
    "type",
    "object",
    "choices",
    "index",
    "delta",
    "message",
    "content",
    "reasoning",
    "reasoning_content",
    "thinking",
    "tool_calls",
    "function",
    "name",
    "arguments",
    "id",
    "usage",
    "completion_tokens",
    "output_tokens",
    "input_tokens",
    "error",
    "done",
    "response",
    "item",
    "output",
    "content_block",
    "text",
    "finish_reason",
    "stop_reason",
    "token_ids",
    "timings",
    "metrics",
    "done_reason",
    "eval_count",
    "status",
    "incomplete_details",
]
KINDS = [
    "response.output_text.delta",
    "response.output_item.added",
    "response.completed",
    "response.incomplete",
    "response.failed",
    "message",
    "message_start",
    "message_delta",
    "content_block_start",
    "content_block_delta",
    "function_call",
    "tool_use",
    "error",
]
ODD_MESSAGES = st.recursive(
    JSON | st.sampled_from(KINDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=6),
    max_leaves=30,
)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """The data in pieces that end at these places."""
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[a:b] for a, b in pairwise(edges)]


def read(text: str, content_type: str = "text/event-stream") -> Reply:
    reader = ReplyReader(framing=framing_of(content_type))
    reader.feed(1, text.encode())
    return reader.end()


def sse(*payloads: Any) -> str:
    return "".join(event(payload) for payload in payloads)


class TestFraming:
    @given(
        lines=st.lists(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), min_size=1)),
        end=st.sampled_from(["\n", "\r\n", "\r"]),
        places=st.lists(st.integers(0, 10_000), max_size=20),
    )
    def test_any_chunking_gives_the_same_events(self, lines: list[str], end: str, places: list[int]) -> None:
        text = "".join(f": ping{end}id: 7{end}data: {line}{end}{end}" for line in lines)
        parser = SseParser()
        found = [data for piece in cut(text.encode(), places) for data in parser.feed(piece)]
        # The last line may end in CR, which could be the first half of CRLF; it ends the event all the same.
        assert found == lines

    def test_several_data_lines_are_one_event(self) -> None:
        assert SseParser().feed(b'data: {"a":\ndata: 1}\n\n') == ['{"a":\n1}']

    def test_names_comments_and_events_without_data(self) -> None:
        stream = b"\xef\xbb\xbf: hello\nevent: ping\n\ndata:\n\nevent: error\ndata: x\n\ndata: y\n\ndata: cut off"
        parser = SseParser()
        assert parser.events(stream) == [("error", "x"), ("message", "y")]
        assert parser.rest() == []

    @given(places=st.lists(st.integers(0, 10_000), max_size=20), closed=st.booleans())
    def test_json_lines(self, places: list[int], closed: bool) -> None:
        text = '{"a": "é"}\n\n{"b": 2}' + "\n" * closed
        parser = LineParser()
        found = [event for piece in cut(text.encode(), places) for event in parser.events(piece)] + parser.rest()
        assert [event.data for event in found] == ['{"a": "é"}', '{"b": 2}']


class TestChat:
    @given(places=st.lists(st.integers(0, 100_000), max_size=40))
    def test_real_streams_in_any_chunking(self, places: list[int]) -> None:
        for name in ("chat-stream.sse", "reasoning-stream.sse"):
            data = (DATA / "llama.cpp" / name).read_bytes()
            reader = ReplyReader()
            for n, piece in enumerate(cut(data, places)):
                reader.feed(n, piece)
            reply, whole = reader.end(), read(data.decode())
            assert (reply.content, reply.reasoning, reply.chunks) == (whole.content, whole.reasoning, whole.chunks)
            assert (reply.usage, reply.timings, reply.done, reply.error) == (whole.usage, whole.timings, True, None)

    def test_usage_on_a_choices_chunk_twice_and_late(self) -> None:
        on_choice: dict[str, Any] = {"choices": [{"index": 0, "delta": {"content": "b"}, "finish_reason": "length"}]}
        on_choice |= {"usage": {"prompt_tokens": 3, "completion_tokens": 2}}
        reply = read(delta(content="a") + sse(on_choice) + usage_event(3, 2) + sse("[DONE]"))
        assert (reply.content, reply.completion_tokens, reply.prompt_tokens, reply.done) == ("ab", 2, 3, True)

    def test_counts_along_the_stream(self) -> None:
        def chunk(text: str, counted: int) -> str:
            choice = {"index": 0, "delta": {"content": text}}
            return event({"choices": [choice], "usage": {"completion_tokens": counted}})

        reader = ReplyReader()
        for n, part in enumerate([chunk("", 0), chunk("ab", 3), chunk("c", 4)]):
            reader.feed(n, part.encode())
        found = [(arrival.visible, arrival.counted, arrival.characters) for arrival in reader.end().arrivals]
        assert found == [(0, 0, 0), (1, 3, 2), (1, 4, 1)]

    def test_token_ids(self) -> None:
        choices = [{"index": 0, "delta": {"content": "ab"}, "token_ids": [5, 6]}]
        reply = read(sse({"choices": choices}, {"choices": choices}) + usage_event(3, 4))
        assert (reply.token_ids, [arrival.counted for arrival in reply.arrivals]) == (4, [4])

    def test_two_choices(self) -> None:
        other = event({"choices": [{"index": 1, "delta": {"content": "x"}, "finish_reason": "stop"}]})
        reply = read(delta(content="a") + other)
        assert (reply.content, reply.choices, reply.chunks, reply.finish_reason) == ("a", 2, 1, None)

    def test_parallel_calls_and_calls_that_share_a_number(self) -> None:
        reply = read(call_delta("a", {"x": 1}, 0) + call_delta("b", {"y": 2}, 1))
        assert [(c.name, c.arguments) for c in reply.tool_calls] == [("a", '{"x": 1}'), ("b", '{"y": 2}')]
        both = [{"index": 0, "id": id, "function": {"name": id, "arguments": "{}"}} for id in ("one", "two")]
        reply = read(delta(tool_calls=both[:1]) + delta(tool_calls=both[1:]))
        assert [c.name for c in reply.tool_calls] == ["one", "two"]

    def test_reasoning_after_content_and_said_twice(self) -> None:
        reply = read(delta(content="a") + delta(reasoning="b", reasoning_content="b") + delta(reasoning="c"))
        assert (reply.content, reply.reasoning, reply.reasoning_field) == ("a", "bc", "reasoning")

    def test_halves_of_a_character_in_two_messages(self) -> None:
        high, low = '{"choices":[{"delta":{"content":"\\ud83d"}}]}', '{"choices":[{"delta":{"content":"\\ude00"}}]}'
        assert read(event(high) + event(low)).content == "😀"
        assert read(event(high)).content == "\ufffd"

    def test_errors(self) -> None:
        assert read(sse({"error": {"message": "no memory"}})).error == "no memory"
        assert read('event: error\ndata: {"message": "gone"}\n\n').error == "gone"
        assert read("data: {broken\n\n").error == "not JSON: {broken"
        assert read(sse({"object": "error", "message": "x"})).error == "x"
        assert "not a JSON object" in (read(event("[1]")).error or "")


RESPONSES = sse(
    {"type": "response.created", "response": {"status": "in_progress"}},
    {"type": "response.output_item.added", "output_index": 0, "item": {"type": "reasoning"}},
    {"type": "response.reasoning_text.delta", "output_index": 0, "delta": "Hm."},
    {"type": "response.output_text.delta", "output_index": 1, "delta": "Hello"},
    {"type": "response.output_text.done", "output_index": 1, "text": "Hello"},
    {
        "type": "response.output_item.added",
        "output_index": 2,
        "item": {"type": "function_call", "call_id": "c1", "name": "ls", "arguments": ""},
    },
    {"type": "response.function_call_arguments.delta", "output_index": 2, "delta": '{"a"'},
    {"type": "response.function_call_arguments.delta", "output_index": 2, "delta": ": 1}"},
    {
        "type": "response.completed",
        "response": {
            "status": "completed",
            "output": [{"type": "function_call"}],
            "usage": {"input_tokens": 9, "output_tokens": 12, "input_tokens_details": {"cached_tokens": 4}},
        },
    },
)
MESSAGES = sse(
    {
        "type": "message_start",
        "message": {"usage": {"input_tokens": 5, "cache_read_input_tokens": 4, "output_tokens": 1}},
    },
    {"type": "ping"},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Hm."}},
    {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "Hello"}},
    {
        "type": "content_block_start",
        "index": 2,
        "content_block": {"type": "tool_use", "id": "c1", "name": "ls", "input": {}},
    },
    {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": '{"a"'}},
    {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": ": 1}"}},
    {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 12}},
    {"type": "message_stop"},
)
OLLAMA = "".join(
    json.dumps(line) + "\n"
    for line in (
        {"model": "m", "message": {"role": "assistant", "content": "", "thinking": "Hm."}, "done": False},
        {"model": "m", "message": {"role": "assistant", "content": "Hello"}, "done": False},
        {
            "model": "m",
            "message": {"content": "", "tool_calls": [{"function": {"name": "ls", "arguments": {"a": 1}}}]},
            "done": False,
        },
        {
            "model": "m",
            "message": {"content": ""},
            "done": True,
            "done_reason": "tool_calls",
            "prompt_eval_count": 9,
            "eval_count": 12,
            "eval_duration": 120_000_000,
        },
    )
)


class TestOtherApis:
    @pytest.mark.parametrize(
        ("text", "kind", "field"),
        [
            pytest.param(RESPONSES, "text/event-stream", "reasoning", id="responses"),
            pytest.param(MESSAGES, "text/event-stream; charset=utf-8", "thinking", id="messages"),
            pytest.param(OLLAMA, "application/x-ndjson", "thinking", id="ollama"),
        ],
    )
    def test_they_say_the_same(self, text: str, kind: str, field: str) -> None:
        reply = read(text, kind)
        assert (reply.content, reply.reasoning, reply.reasoning_field) == ("Hello", "Hm.", field)
        assert [(call.name, json.loads(call.arguments)) for call in reply.tool_calls] == [("ls", {"a": 1})]
        assert (reply.prompt_tokens, reply.completion_tokens, reply.finish_reason) == (9, 12, "tool_calls")
        assert (reply.done, reply.error, reply.choices) == (True, None, 1)

    def test_a_call_with_free_text(self) -> None:
        item = {"type": "custom_tool_call", "call_id": "c1", "name": "apply_patch", "input": ""}
        spelled = [
            {"type": "response.output_item.added", "output_index": 0, "item": item},
            {"type": "response.custom_tool_call_input.delta", "output_index": 0, "delta": "*** Begin"},
            {"type": "response.custom_tool_call_input.delta", "output_index": 0, "delta": " Patch"},
            {"type": "response.completed", "response": {"status": "completed", "output": [item]}},
        ]
        whole = {"object": "response", "status": "completed", "output": [{**item, "input": "*** Begin Patch"}]}
        for reply in (read(sse(*spelled)), read(json.dumps(whole), "application/json")):
            assert [(c.id, c.name, c.arguments) for c in reply.tool_calls] == [("c1", "apply_patch", "*** Begin Patch")]
            assert reply.finish_reason == "tool_calls"

    def test_whole_bodies(self) -> None:
        body = {
            "object": "response",
            "status": "incomplete",
            "incomplete_details": {"reason": "max_output_tokens"},
            "output": [{"type": "message", "content": [{"type": "output_text", "text": "Hi"}]}],
            "usage": {"output_tokens": 3},
        }
        reply = read(json.dumps(body), "application/json")
        assert (reply.content, reply.finish_reason, reply.completion_tokens, reply.done) == ("Hi", "length", 3, True)
        body = {"type": "message", "content": [{"type": "text", "text": "Hi"}], "stop_reason": "end_turn"}
        reply = read(json.dumps(body), "application/json")
        assert (reply.content, reply.finish_reason, reply.done) == ("Hi", "stop", True)

    def test_failures(self) -> None:
        failed = {"type": "response.failed", "response": {"status": "failed", "error": {"message": "no"}}}
        assert read(sse(failed)).error == "no"
        assert read(sse({"type": "error", "error": {"type": "overloaded_error", "message": "later"}})).error == "later"
        assert read('{"error": "model not found"}\n', "application/x-ndjson").error == "model not found"

    def test_engines_own_accounts(self) -> None:
        reply = read(sse({"choices": [], "metrics": {"generation_time_ms": 1270.0}}) + usage_event(3, 128))
        assert reply.metrics == {"generation_time_ms": 1270.0}
        assert read(OLLAMA, "application/x-ndjson").durations == {
            "prompt_eval_count": 9,
            "eval_count": 12,
            "eval_duration": 120_000_000,
        }


@given(ODD_MESSAGES)
def test_no_message_makes_the_reader_raise(payload: Any) -> None:
    reply = read(event(json.dumps(payload)))
    assert isinstance(reply.content, str)
    if isinstance(payload, dict):
        assert isinstance(piece_of(payload).visible, bool)


def test_a_transport_error_is_the_replys_error() -> None:
    assert read_reply(streamed([(1.0, delta(content="x"))], error="reset")).error == "reset"


class TestDecoding:
    @given(data=st.binary(max_size=400), places=st.lists(st.integers(0, 1000), max_size=10))
    @pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
    def test_what_was_packed_comes_out(self, pack: Any, data: bytes, places: list[int]) -> None:
        decoder = Decoder("gzip" if pack is gzip.compress else "deflate")
        assert b"".join(decoder.feed(piece) for piece in cut(pack(data), places)) == data
        decoder.end()

    def test_what_is_flushed_comes_out_at_once(self) -> None:
        packer, decoder = zlib.compressobj(wbits=31), Decoder("gzip")
        for part in (b"data: 1\n\n", b"data: 2\n\n"):
            assert decoder.feed(packer.compress(part) + packer.flush(zlib.Z_SYNC_FLUSH)) == part

    def test_refused(self) -> None:
        with pytest.raises(ContentEncodingError, match="compressed with br"):
            Decoder("br")
        with pytest.raises(ContentEncodingError, match="is not"):
            Decoder("gzip").feed(b"data: 1\n\n")
        decoder = Decoder("gzip")
        decoder.feed(gzip.compress(b"x" * 100)[:-4])
        with pytest.raises(ContentEncodingError, match="cut off"):
            decoder.end()
