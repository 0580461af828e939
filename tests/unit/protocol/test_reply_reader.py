"""Server-sent events in any chunking, and replies of servers that bend the protocol."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onbox.evidence.records import Exchange
from onbox.evidence.replies import read_reply
from onbox.protocol.framing import SseParser
from onbox.protocol.reply import Reply
from onbox.protocol.reply_reader import ReplyReader
from tests.exchanges import AT, call_delta, delta, event, streamed, usage_event

LINES = st.sampled_from(
    (
        *("data: a", "data:b", "data", "data: ", "data:  two", ": comment", "event: x", "id: 1", "retry: 5", ""),
        *("datax: no", "data: ä€😀", "\ufeff", "\ufeffdata: bom"),
    )
)
ENDS = st.sampled_from(["\n", "\r\n", "\r"])
STREAMS = st.lists(st.tuples(LINES, ENDS), max_size=14).map(lambda lines: "".join(a + b for a, b in lines).encode())
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 10**12) | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                (
                    *("choices", "delta", "message", "content", "text", "reasoning", "tool_calls", "index", "id"),
                    *("function", "name", "arguments", "finish_reason", "usage", "completion_tokens", "error"),
                    "timings",
                )
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def parse(chunks: list[bytes]) -> list[str]:
    parser = SseParser()
    return [data for chunk in chunks for data in parser.feed(chunk)]


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


class TestSseParser:
    @given(STREAMS, st.lists(st.integers(0, 400), max_size=12))
    def test_any_chunking_gives_the_same_events(self, data: bytes, places: list[int]) -> None:
        assert parse(cut(data, places)) == parse([data])

    @given(STREAMS)
    def test_byte_by_byte_gives_the_same_events(self, data: bytes) -> None:
        assert parse([bytes([byte]) for byte in data]) == parse([data])

    def test_cr_lf_in_two_chunks_is_one_line_end_and_the_next_lf_another(self) -> None:
        assert parse([b"data: a\r", b"\n", b"\n"]) == ["a"]

    def test_a_byte_order_mark_counts_only_at_the_very_start(self) -> None:
        assert parse([b"\xef\xbb\xbfdata: a\n\n"]) == ["a"]
        assert parse([b"\n", b"\xef\xbb\xbfdata: a\n\n"]) == []

    def test_lines_of_one_event_are_joined(self) -> None:
        assert parse([b": hello\nevent: x\ndata: a\ndata: b\nid: 3\n\n"]) == ["a\nb"]

    def test_an_event_that_the_end_cuts_off_is_dropped(self) -> None:
        assert parse([b"data: a\n\ndata: b\n"]) == ["a"]

    def test_a_line_of_a_megabyte_in_small_reads(self) -> None:
        text = "x" * 2**20
        data = f"data: {text}\n\n".encode()
        assert parse([data[at : at + 4096] for at in range(0, len(data), 4096)]) == [text]


def read(*payloads: Any, done: bool = True) -> Reply:
    chunks = [(0.1 * n, event(payload)) for n, payload in enumerate(payloads)]
    return read_reply(streamed([*chunks, (9.0, event("[DONE]"))] if done else chunks))


class TestReply:
    def test_content_calls_usage_and_end(self) -> None:
        text = delta(content="Hel") + delta(content="lo") + call_delta("bash", '{"command":') + delta("tool_calls")
        more = {"choices": [{"delta": {"tool_calls": [{"index": 0, "function": {"arguments": ' "ls"}'}}]}}]}
        reply = read_reply(streamed([(0.1, text), (0.2, event(more) + usage_event(7, 3) + event("[DONE]"))]))
        assert (reply.content, reply.finish_reason, reply.done, reply.error) == ("Hello", "tool_calls", True, None)
        assert [(c.id, c.name, json.loads(c.arguments)) for c in reply.tool_calls] == [
            ("call0", "bash", {"command": "ls"})
        ]
        assert (reply.prompt_tokens, reply.completion_tokens, reply.chunks) == (7, 3, 4)
        assert [(a.t_ns, a.visible) for a in reply.arrivals] == [(100_000_000, 3), (200_000_000, 1)]

    def test_a_character_cut_between_two_reads(self) -> None:
        raw = delta(content="é€😀").encode()
        reader = ReplyReader(streamed=True)
        for n, byte in enumerate(raw):
            reader.feed(n, bytes([byte]))
        assert reader.end().content == "é€😀"

    @pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
    def test_reasoning_by_either_name(self, name: str) -> None:
        reply = read({"choices": [{"delta": {name: "hm", "content": None}}]})
        assert (reply.reasoning, reply.reasoning_field, reply.content) == ("hm", name, "")

    def test_a_stream_without_done_is_not_done(self) -> None:
        assert not read({"choices": [{"delta": {"content": "a"}}]}, done=False).done

    def test_an_error_inside_a_stream(self) -> None:
        assert read({"error": {"message": "out of slots", "code": 503}}).error == "out of slots"
        assert read({"error": "plain"}).error == "plain"

    def test_a_transport_error_is_the_replys_error(self) -> None:
        assert read_reply(streamed([(0.1, delta(content="a"))], error="reset")).error == "reset"

    @pytest.mark.parametrize(
        ("payload", "named"),
        [
            ({"choices": [{"delta": "text"}]}, "delta"),
            ({"choices": [{"delta": {"content": ["part"]}}]}, "content"),
            ({"choices": 3}, "choices"),
            ({"choices": [{"delta": {"tool_calls": [{"function": {"arguments": {"a": 1}}}]}}]}, "arguments"),
            ({"choices": [{"delta": {"tool_calls": [{"index": 10**9}]}}]}, "index"),
            ({"choices": [{"delta": {"tool_calls": [{"index": -1}]}}]}, "index"),
            ({"choices": [{"delta": {"tool_calls": ["bash"]}}]}, "tool_calls"),
        ],
    )
    def test_a_reply_of_another_shape_is_an_error_of_the_server(self, payload: Any, named: str) -> None:
        error = read(payload).error
        assert error is not None
        assert named in error

    def test_a_call_without_an_index_takes_its_place_in_the_list(self) -> None:
        calls = [{"index": None, "function": {"name": "a"}}, {"function": {"name": "b"}}]
        assert [c.name for c in read({"choices": [{"delta": {"tool_calls": calls}}]}).tool_calls] == ["a", "b"]

    @given(JSON)
    def test_no_json_whatever_raises(self, payload: Any) -> None:
        reader = ReplyReader(streamed=True)
        reader.feed(1, f"data: {json.dumps(payload)}\n\n".encode())
        assert isinstance(reader.end().content, str)

    def test_one_document_instead_of_a_stream(self) -> None:
        body = {"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}], "usage": {"completion_tokens": 1}}
        reply = read_reply(whole(json.dumps(body)))
        assert (reply.content, reply.done, reply.completion_tokens) == ("hi", True, 1)

    def test_a_body_that_is_not_json(self) -> None:
        reply = read_reply(whole("<html>502</html>"))
        assert reply.error == "not JSON: <html>502</html>"
        assert not reply.done


def whole(text: str) -> Exchange:
    return Exchange(
        id=1,
        purpose="agent",
        started_at=AT,
        t0_ns=0,
        method="POST",
        path="/v1/chat/completions",
        status=200,
        headers={"content-type": "application/json"},
        chunks=((1, text[:5]), (2, text[5:])),
    )
