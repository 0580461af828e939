"""Messages that an earlier reply had but for id, second and text: known again, never taken for what they are not."""

import json
import random

import pytest

from onbox import untrusted_json
from onbox.protocol import reply_reader
from onbox.protocol.known_messages import KnownMessages
from onbox.protocol.reply import Reply
from onbox.protocol.reply_reader import ReplyReader


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reply_reader, "_KNOWN", KnownMessages())


def _message(delta: dict[str, object], number: int = 1, **more: object) -> str:
    """As vLLM writes it: the id stands before the text."""
    choice = {"index": 0, "delta": delta, "finish_reason": None, **more}
    return json.dumps({"id": f"chatcmpl-{number}", "created": 1795931727 + number, "model": "m", "choices": [choice]})


def _read(*messages: str) -> Reply:
    reader = ReplyReader()
    for n, message in enumerate(messages):
        reader.feed_recorded([(n, f"data: {message}\n\n")])
    return reader.end()


def _parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []

    def noted(text: str) -> object:
        found.append(text)
        return untrusted_json.parse(text)

    monkeypatch.setattr("onbox.protocol.reply_reader.parse", noted)
    return found


def test_the_messages_of_a_second_reply_are_not_parsed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    _read(_message({"role": "assistant"}), _message({"content": "one"}), _message({}, finish_reason="stop"))
    parsed = _parsed(monkeypatch)
    reply = _read(
        _message({"role": "assistant"}, 7), _message({"content": "two"}, 7), _message({}, 7, finish_reason="stop")
    )
    assert parsed == []
    assert (reply.content, reply.finish_reason, reply.chunks) == ("two", "stop", 1)


def test_the_id_of_a_call_is_no_id_of_a_reply(monkeypatch: pytest.MonkeyPatch) -> None:
    def call(number: int) -> str:
        return json.dumps({"choices": [{"delta": {"tool_calls": [{"index": 0, "id": f"call-{number}"}]}}]})

    _read(call(1))
    parsed = _parsed(monkeypatch)
    assert [each.id for each in _read(call(2)).tool_calls] == ["call-2"]
    assert parsed == [call(2)]


@pytest.mark.parametrize(
    "odd",
    [
        _message({"content": "x"}).replace("1795931728", ""),
        _message({"content": "x"}).replace("1795931728", "0795931728"),
        _message({"content": "x"}) + "}",
        _message({"content": "x"}).replace('"chatcmpl-1"', '"chat\\"'),
        _message({"content": "x"}).replace('"content"', '"content\x00"'),
        _message({"content": "x"}).replace('"m"', '"m", "id": "twice"'),
    ],
)
def test_what_is_no_longer_the_same_is_read_as_it_is(odd: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reply_reader, "_KNOWN", KnownMessages())
    fresh = _read(odd)
    monkeypatch.setattr(reply_reader, "_KNOWN", KnownMessages())
    _read(_message({"content": "known"}), _message({"role": "assistant"}))
    assert _read(odd) == fresh


def test_mangled_streams_are_read_as_if_nothing_was_known(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(17)
    known = KnownMessages()
    for _ in range(2000):
        number = chance.randrange(9)
        stream = [
            _message({"role": "assistant", "content": chance.choice([None, ""])}, number),
            _message({chance.choice(["content", "reasoning"]): chance.choice(["a", '"', "é", '"id":"x"'])}, number),
            _message({"tool_calls": [{"index": 0, "function": {"arguments": chance.choice(["{", ""])}}]}, number),
            _message({}, number, finish_reason=chance.choice(["stop", "length"])),
        ]
        place, at = chance.randrange(4), chance.randrange(60)
        if chance.random() < 0.5:
            stream[place] = stream[place][:at] + chance.choice('"\\1,}') + stream[place][at + chance.randrange(3) :]
        monkeypatch.setattr(reply_reader, "_KNOWN", KnownMessages())
        fresh = _read(*stream)
        monkeypatch.setattr(reply_reader, "_KNOWN", known)
        assert _read(*stream) == fresh
