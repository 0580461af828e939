"""What servers and gateways send beside the protocol is read as clients read it, or named."""

import json
from typing import Any

import pytest

from onbox.protocol.reply import Reply
from onbox.protocol.reply_reader import ReplyReader


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None, **more: Any) -> str:
    """One message of a stream of chat completions."""
    return f"data: {json.dumps({'choices': [{'index': 0, 'delta': delta or {}, 'finish_reason': finish}], **more})}\n\n"


def call(**fields: Any) -> str:
    """A message with one piece of a call."""
    function = {name: fields.pop(name) for name in ("name", "arguments") if name in fields}
    return chunk({"tool_calls": [{**fields, "function": function}]})


def whole(*messages: str) -> Reply:
    reader = ReplyReader()
    reader.feed(1, "".join(messages).encode())
    return reader.end()


END = chunk(None, "tool_calls")
DONE = "data: [DONE]\n\n"


class TestStrangeServers:
    """Shapes that servers and gateways were seen to send, or that a client of the protocol has to bear."""

    @pytest.mark.parametrize("mark", ["data: [DONE]", "data: [DONE]\n", "data:[DONE]\r\n"])
    def test_the_mark_of_the_end_counts_without_a_line_behind_it(self, mark: str) -> None:
        assert whole(chunk({"content": "a"}, "stop"), mark).done

    @pytest.mark.parametrize("body", ['{"choices": []}\n', "<html>busy</html>\n", "data: {}\ndata: [DONE]\n"])
    def test_a_stream_without_an_event_says_what_it_holds(self, body: str) -> None:
        reply = whole(body)
        assert not reply.done
        assert (reply.error or "").startswith("no event in the stream: ")

    def test_a_stream_of_comments_alone_is_no_error(self) -> None:
        assert whole(": ping\n\n", ": ping\n\n").error is None

    @pytest.mark.parametrize("known", [{}, {"id": "c1"}, {"index": 0}, {"index": 0, "id": "c1"}])
    def test_two_calls_in_one_place_are_two(self, known: dict[str, Any]) -> None:
        first, second = '{"path": "a"}', '{"path": "b"}'
        reply = whole(
            call(**known, name="read", arguments=first), call(**known, name="read", arguments=second), END, DONE
        )
        assert [(each.name, each.arguments) for each in reply.tool_calls] == [("read", first), ("read", second)]

    @pytest.mark.parametrize("known", [{}, {"id": "c1"}, {"index": 0}, {"index": 0, "id": "c1"}])
    @pytest.mark.parametrize("ending", [{}, {"arguments": ""}])
    def test_a_name_that_comes_again_alone_is_no_call(self, known: dict[str, Any], ending: dict[str, Any]) -> None:
        first = call(**known, name="read", arguments='{"path": "a"}')
        reply = whole(first, call(**known, name="read", **ending), END, DONE)
        assert [(each.name, each.arguments) for each in reply.tool_calls] == [("read", '{"path": "a"}')]
        assert not reply.shared_place

    @pytest.mark.parametrize("known", [{}, {"index": 0}, {"index": 0, "id": "c1"}])
    @pytest.mark.parametrize("name", ["read", "write"])
    def test_a_name_before_its_own_arguments_is_the_next_call(self, known: dict[str, Any], name: str) -> None:
        pieces = [call(**known, arguments=text) for text in ('{"pa', 'th": ', '"a"}')]
        reply = whole(call(**known, name="read"), *pieces, call(**known, name=name), *pieces, END, DONE)
        assert [(each.name, each.arguments) for each in reply.tool_calls] == [
            ("read", '{"path": "a"}'), (name, '{"path": "a"}'),
        ]  # fmt: skip
        assert reply.shared_place

    def test_calls_in_one_place_are_told(self) -> None:
        first, second = (call(index=0, id=known, name="read", arguments="{}") for known in ("c1", "c2"))
        assert whole(first, second, END, DONE).shared_place
        apart = call(index=1, id="c2", name="read", arguments="{}")
        assert not whole(first, apart, END, DONE).shared_place

    def test_a_count_that_falls_is_no_word(self) -> None:
        growing = [chunk({"content": "a"}, usage={"completion_tokens": n, "prompt_tokens": 5}) for n in (1, 2, 3)]
        zeros = f"data: {json.dumps({'choices': [], 'usage': {'completion_tokens': 0, 'prompt_tokens': 0}})}\n\n"
        reply = whole(*growing, chunk(None, "stop"), zeros, DONE)
        assert (reply.completion_tokens, reply.prompt_tokens) == (3, 5)

    def test_a_name_with_each_piece_is_one_name(self) -> None:
        pieces = [call(index=0, id="c1", name="read", arguments=text) for text in ('{"pa', 'th": ', '"a"}')]
        assert [(each.name, each.arguments) for each in whole(*pieces, END, DONE).tool_calls] == [
            ("read", '{"path": "a"}')
        ]

    @pytest.mark.parametrize("names", [("read_", "file"), ("read", "read_file"), ("read_file", "read_file")])
    def test_a_name_in_pieces(self, names: tuple[str, str]) -> None:
        reply = whole(*(call(index=0, id="c1", name=name) for name in names), call(index=0, arguments="{}"), END, DONE)
        assert [(each.name, each.arguments) for each in reply.tool_calls] == [("read_file", "{}")]

    def test_a_call_that_comes_again_whole_at_its_end_is_one(self) -> None:
        again = call(index=0, id="c1", name="read", arguments='{"path": "a"}')
        reply = whole(call(index=0, id="c1", name="read"), call(index=0, arguments='{"path": "a"}'), again, END, DONE)
        assert [(each.name, each.arguments) for each in reply.tool_calls] == [("read", '{"path": "a"}')]

    def test_the_whole_message_beside_an_empty_delta_is_not_read_again(self) -> None:
        last = {"choices": [{"index": 0, "delta": {}, "message": {"content": "ab"}, "finish_reason": "stop"}]}
        reply = whole(chunk({"content": "a"}), chunk({"content": "b"}), f"data: {json.dumps(last)}\n\n", DONE)
        assert reply.content == "ab"

    @pytest.mark.parametrize(
        ("message", "error"),
        [
            ({"object": "error", "message": "boom", "code": 400}, "boom"),
            ({"detail": "boom"}, "boom"),
            (
                {"choices": [{"index": 0, "delta": {}, "finish_reason": "error"}]},
                "the server ended it: finish_reason error",
            ),
            (
                {"choices": [{"index": 0, "delta": {}, "finish_reason": "abort"}]},
                "the server ended it: finish_reason abort",
            ),
        ],
    )
    def test_errors_by_other_names(self, message: dict[str, Any], error: str) -> None:
        assert whole(chunk({"content": "a"}), f"data: {json.dumps(message)}\n\n", DONE).error == error

    def test_a_call_in_the_form_of_old_is_named(self) -> None:
        reply = whole(chunk({"function_call": {"name": "read", "arguments": "{}"}}), chunk(None, "function_call"), DONE)
        assert "function_call, in the place of tool_calls" in (reply.error or "")
        assert whole(chunk({"content": "a", "function_call": None}), DONE).error is None

    def test_a_count_with_a_point(self) -> None:
        assert whole(chunk(None, "stop", usage={"completion_tokens": 128.0}), DONE).completion_tokens == 128
        assert whole(chunk(None, "stop", usage={"completion_tokens": 128.5}), DONE).completion_tokens is None

    def test_names_without_end_take_time_in_proportion(self) -> None:
        pieces = [call(index=0, id="c1", name="read", arguments="x" * 50 + "}") for _ in range(20_000)]
        (one,) = whole(*pieces, END, DONE).tool_calls
        assert len(one.arguments) == 20_000 * 51
