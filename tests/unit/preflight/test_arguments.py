"""Arguments of calls that come broken, and where they break."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from onbox import preflight
from tests.unit.preflight.servers import Answer, able, long, statuses, whole


def bent(arguments: Callable[[str], str], *, streamed_only: bool = True) -> Answer:
    """A server whose parser makes something else of the arguments of calls."""

    def answer(body: dict[str, Any]) -> tuple[int, bytes]:
        if not body.get("tools") or (streamed_only and not body["stream"]):
            return whole_twin(body) if body.get("tools") else able(body)
        status, sent = able(body) if body["stream"] else whole_twin(body)
        lines = []
        for line in sent.decode().split("\n"):
            data = line.removeprefix("data: ")
            if '"tool_calls"' in data:
                message = json.loads(data)
                choice = message["choices"][0]
                for call in (choice.get("delta") or choice["message"])["tool_calls"]:
                    call["function"]["arguments"] = arguments(call["function"]["arguments"])
                line = ("data: " if line.startswith("data: ") else "") + json.dumps(message)
            lines.append(line)
        return status, "\n".join(lines).encode()

    return answer


def whole_twin(body: dict[str, Any]) -> tuple[int, bytes]:
    """What a whole answer holds where a stream is put together right."""
    _, sent = able({**body, "stream": True})
    calls = []
    for line in sent.decode().split("\n\n"):
        if '"tool_calls"' in line:
            calls += json.loads(line.removeprefix("data: "))["choices"][0]["delta"]["tool_calls"]
    if calls:
        return whole(None, tool_calls=[{key: call[key] for key in ("id", "type", "function")} for call in calls])
    return able(body)


BENT: dict[str, Callable[[str], str]] = {
    "empty object": lambda arguments: "{}",
    "nothing": lambda arguments: "",
    "cut at its end": lambda arguments: arguments[:-1],
    "cut in half": lambda arguments: arguments[: len(arguments) // 2] or "{",
    "twice": lambda arguments: arguments * 2,
    "quoted": lambda arguments: json.dumps(arguments),
    "keys into values": lambda arguments: json.dumps({arguments: ""}),
    "the end first": lambda arguments: arguments[len(arguments) // 2 :] + arguments[: len(arguments) // 2],
    "a tag of the format": lambda arguments: arguments.replace('"}', '</parameter></tool_call>"}'),
}


class TestBrokenArguments:
    @pytest.mark.parametrize("arguments", BENT.values(), ids=list(BENT))
    def test_a_stream_that_breaks_them_is_a_failure_and_named(self, arguments: Callable[[str], str]) -> None:
        record = long(bent(arguments))
        cases = {case.name: case for case in record.cases}
        assert not record.tools
        assert statuses(record)["streaming_agrees"] == "fail"
        assert statuses(record)["tool_call"] == "fail"
        assert "without streaming they are complete: the stream loses them" in cases["tool_call"].detail
        assert "--stream-interval 1" in cases["tool_call"].remedy
        assert "#31501" in cases["tool_call"].remedy
        assert preflight.conclusion(record) == "No agent can work with it: calls arrive, but their arguments are broken"
        # Calls come, so a parser is set: it is never the advice.
        assert not any("--tool-call-parser" in case.remedy for case in record.cases)
        assert not any("--enable-auto-tool-choice" in case.remedy for case in record.cases)

    @pytest.mark.parametrize("arguments", BENT.values(), ids=list(BENT))
    def test_broken_both_ways(self, arguments: Callable[[str], str]) -> None:
        record = long(bent(arguments, streamed_only=False))
        assert statuses(record)["tool_call"] == "fail"
        assert "without streaming they are broken too" in next(c.detail for c in record.cases if c.name == "tool_call")
        assert not record.tools
        assert not any("--tool-call-parser" in case.remedy for case in record.cases)

    def test_a_value_that_parses_and_is_mangled(self) -> None:
        """A backslash is lost on the way: JSON that is right, and a file that is not."""
        record = long(bent(lambda arguments: arguments.replace("\\\\n", "")))
        assert statuses(record)["tool_call"] == "pass"
        assert statuses(record)["long_arguments"] == "fail"
        assert not record.tools

    def test_two_calls_in_one_place(self) -> None:
        """Both have the index 0 in the stream: clients that go by it make one broken call of them."""

        def answer(body: dict[str, Any]) -> tuple[int, bytes]:
            status, sent = able(body)
            return status, sent.replace(b'"index": 1', b'"index": 0') if body.get("stream") else sent

        record = long(answer)
        (case,) = (each for each in record.cases if each.name == "parallel_calls")
        assert (case.status, "one index" in case.detail) == ("warn", True)

    def test_two_calls_under_one_id(self) -> None:
        def answer(body: dict[str, Any]) -> tuple[int, bytes]:
            status, sent = able(body)
            return status, sent.replace(b'"call1"', b'"call0"') if body.get("stream") else sent

        record = long(answer)
        assert statuses(record)["parallel_calls"] == "fail"
