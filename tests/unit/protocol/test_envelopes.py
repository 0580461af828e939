"""A stream read by the envelope of its messages gives the reply that reading each whole message gives."""

import json
from dataclasses import asdict
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onbox.evidence.records import Exchange
from onbox.evidence.replies import read_reply
from onbox.protocol import reply_reader
from onbox.protocol.api_formats import piece_of
from onbox.protocol.envelopes import envelope_of
from onbox.protocol.reply_reader import ReplyReader
from onbox.untrusted_json import parse
from tests.exchanges import streamed


def chat(text: str, *, field: str = "content", created: int = 1795564336, **more: Any) -> str:
    """One message as llama.cpp writes it."""
    delta = {"tool_calls": [{"index": 0, "function": {"arguments": text}}]} if field == "arguments" else {field: text}
    choice = {"finish_reason": None, "index": 0, "delta": delta}
    return json.dumps({"choices": [choice], "created": created, "id": "chatcmpl-1", "model": "m", **more})


def whole(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The reply, each message parsed."""
    with monkeypatch.context() as patched:
        patched.setattr(reply_reader, "LEARNED_IN_VAIN_MAX", 0)
        return asdict(read_reply(exchange))


TEXTS = st.lists(
    st.text(st.characters(exclude_categories=()), max_size=6) | st.sampled_from(['"', "\\", "\\u0041", "\ud83d", "{"]),
    max_size=12,
)


@settings(max_examples=150, deadline=None)
@given(TEXTS, st.sampled_from(["content", "reasoning_content", "arguments"]), st.booleans(), st.booleans())
def test_the_same_reply_as_of_each_message_whole(texts: list[str], field: str, escaped: bool, by_second: bool) -> None:
    chunks = []
    for n, text in enumerate(texts):
        message = chat(text, field=field, created=1795564336 + n * by_second)
        shown = message if escaped else json.dumps(json.loads(message), ensure_ascii=False)
        chunks.append((n / 10, f"data: {shown.encode('utf-8', 'backslashreplace').decode()}\n\n"))
    exchange = streamed([*chunks, (2.0, "data: [DONE]\n\n")])
    with pytest.MonkeyPatch.context() as patched:
        assert asdict(read_reply(exchange)) == whole(exchange, patched)


ODD = [
    'data: {"choices":[{"index":0,"delta":{"content":"a"}}],"x":"b"}\n\n',
    'data: {"choices":[{"index":0,"delta":{"content":"a"}}],"x":"c"}\n\n',
    'data: {"choices":[{"index":0,"delta":{"content":"a"}},{"index":1,"delta":{"content":"z"}}]}\n\n',
    'data: {"choices":[{"index":0,"delta":{"content":""}}]}\n\n',
    'data: {"choices":[{"index":0,"delta":{"content":"a"},"token_ids":[1,2]}]}\n\n',
    'data: {"choices":[{"index":0,"delta":{"content":"bc"},"token_ids":[1,2]}]}\n\n',
    'data: {"choices":[{"index":0,"delta":{"content":"bc"},"token_ids":[1]}]}\n\n',
    'data: {"choices":[{"index":0,"delta":{"content":"a","reasoning":"a"}}]}\n\n',
    'data: {"choices":[{"index":0,"delta":{"content":"a\tb"}}]}\n\n',
    'data: {"choices":[{"index":0,"delta":{"content":"created"}}],"created":1234567890}\n\n',
    'data: {"choices":[{"index":0,"delta":{"content":"again"}}],"created":0234567890}\n\n',
    'data: {"choices":[{"index":0,"delta":{"content":"again"}}],"created":1234567891}\n\n',
    'data: {"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}]}\n\n',
    'data: {"choices":[{"index":0,"delta":{"content":"y"}}],"error":{"message":"broke"}}\n\n',
    'data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"a"}}\n\n',
    'data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"b"}}\n\n',
    'event: error\ndata: {"choices":[{"index":0,"delta":{"content":"b"}}]}\n\n',
    "data: {\n\n",
    ": comment\n\n",
]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(ODD), max_size=10), st.lists(st.integers(1, 400), max_size=6))
def test_odd_messages_in_any_chunking(events: list[str], cuts: list[int]) -> None:
    body = "".join(events)
    places = sorted({0, *(cut for cut in cuts if cut < len(body)), len(body)})
    cut = [(n / 10, body[a:b]) for n, (a, b) in enumerate(pairwise(places))]
    for chunks in (cut, [(n / 10, event) for n, event in enumerate(events)]):
        with pytest.MonkeyPatch.context() as patched:
            exchange = streamed(chunks)
            assert asdict(read_reply(exchange)) == whole(exchange, patched)


def test_most_messages_of_a_stream_are_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = 0

    def counted(text: str) -> object:
        nonlocal parsed
        parsed += 1
        return parse(text)

    monkeypatch.setattr("onbox.protocol.reply_reader.parse", counted)
    exchange = streamed([(n / 100, f"data: {chat(f' w{n}', created=1795564336 + n)}\n\n") for n in range(1000)])
    assert read_reply(exchange).content == "".join(f" w{n}" for n in range(1000))
    assert parsed < 5


def test_a_server_that_writes_something_new_into_each_message_is_read_as_ever() -> None:
    reader = ReplyReader()
    for n in range(20):
        reader.feed(n, f"data: {chat('x', id=f'chatcmpl-{n}')}\n\n".encode())
    assert reader.end().content == "x" * 20


def test_a_message_that_shows_more_than_a_text_has_no_envelope() -> None:
    for message in (
        chat("x", usage={"completion_tokens": 3}),
        chat("x", error={"message": "broke"}),
        chat("x", timings={"predicted_n": 1}),
        chat("", field="content"),
    ):
        assert envelope_of(message, piece_of(json.loads(message))) is None
    assert envelope_of(chat("x"), piece_of(json.loads(chat("x")))) is not None
