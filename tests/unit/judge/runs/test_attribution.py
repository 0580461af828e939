"""The order in which the rules are applied, and what is recorded beside the code."""

import json
from pathlib import Path
from typing import Any

import pytest

from onbox.evidence.records import Changes, Exchange, GateEnd
from onbox.judge.results import Cause, Outcome
from onbox.judge.runs.attribution import attribute
from onbox.judge.runs.codes import CODES
from onbox.judge.runs.run_context import RunContext
from onbox.protocol.call_forms import MARKUP
from onbox.protocol.leaked_calls import HARMONY, written_call
from onbox.protocol.tool_schemas import offered_tools
from tests.builders import LEAK, run_record
from tests.exchanges import call_delta, call_reply, delta, event, plain_reply, streamed, text_reply, usage_event
from tests.unit.judge.runs.shapes import LOOP, OK, refused

DATA = Path(__file__).parents[3] / "data/llama.cpp"


def recorded(name: str, purpose: str = "agent") -> list[Exchange]:
    """The exchanges of a sample file of a real server."""
    found = []
    for number, sample in enumerate(json.loads((DATA / name).read_text()), start=1):
        body, error = sample["response"], sample["response"].get("error")
        exchange = plain_reply(500 if error else 200, json.loads(error) if error else body, request=sample["request"])
        found.append(exchange.model_copy(update={"id": number, "purpose": purpose}))
    return found


class TestRecorded:
    """What real servers said."""

    @pytest.mark.parametrize("exchange", recorded("chat-tools-leaked.json"))
    def test_calls_written_as_text_are_a_serving_failure(self, exchange: Exchange) -> None:
        result = refused([exchange])
        assert (result.code, result.outcome) == ("S-LEAK", Outcome.SERVING_FAILURE)

    @pytest.mark.parametrize("exchange", recorded("chat-tools-parse-error.json"))
    def test_what_the_server_could_not_parse(self, exchange: Exchange) -> None:
        assert refused([exchange], stop="endpoint").code == "S-PARSE500"

    @pytest.mark.parametrize("exchange", recorded("chat-tools-parsed.json"))
    def test_the_same_model_behind_a_parser_that_fits(self, exchange: Exchange) -> None:
        result = refused([exchange, text_reply("Done.", id=9)])
        assert (result.code, result.tool_calls) == ("F-GATE", 1)

    def test_reasoning_is_read(self) -> None:
        text = (DATA / "reasoning-stream.sse").read_text()
        assert refused([streamed([(1.0, text)])]).code == "M-NOCALL"


class TestOrder:
    def test_a_gate_that_wrote_no_reward_is_no_failure_of_the_model(self) -> None:
        silent = GateEnd(
            exit_code=3,
            reason="GATE_FAULT no reward.json or reward.txt was written to /logs/verifier",
            seconds=1.0,
            sha256="a" * 64,
            script_exit_code=0,
        )
        result = refused(OK, gate=silent)
        assert (result.code, result.outcome, result.attribution) == ("I-GATE", Outcome.INVALID, Cause.GATE)
        assert "no reward.json or reward.txt was written" in result.detail

    def test_a_pass_is_a_pass_whatever_was_said(self) -> None:
        assert attribute(run_record(), [text_reply(LEAK)]).code == "PASS"

    def test_what_broke_the_run_comes_before_the_gate(self) -> None:
        assert (
            attribute(run_record(fault="sandbox gone: no room for more in /srv/disk", fault_kind="sandbox"), OK).code
            == "I-SANDBOX"
        )
        assert attribute(run_record(engine_alive=False, gate=None), OK).code == "I-CONN"
        assert refused(OK, engine_alive=False).code == "I-CONN"

    @pytest.mark.parametrize("guarded", [None, "projected, 2.1 GB were available"])
    def test_what_passed_was_done_before_the_engine_was_gone(self, guarded: str | None) -> None:
        result = attribute(run_record(engine_alive=False), OK, RunContext(guarded=guarded))
        assert (result.code, result.outcome) == ("PASS", Outcome.PASSED)
        assert attribute(run_record(engine_alive=False), []).code == "I-AGENT", "nobody asked the model"

    def test_a_leak_after_good_calls_is_a_leak(self) -> None:
        assert refused([*OK, text_reply(LEAK, id=2)]).code == "S-LEAK"

    def test_a_claim_over_real_changes_is_no_false_claim(self) -> None:
        changed = Changes(files=1, lines_added=1, lines_removed=1)
        assert refused([text_reply("All references have been renamed.")], changes=changed).code == "M-NOCALL"

    def test_one_usable_call_is_enough(self) -> None:
        assert refused([call_reply(name="open_file"), call_reply(id=2), text_reply("Done.", id=3)]).code == "F-GATE"

    def test_the_same_call_in_a_run_that_ended_by_itself_is_no_loop(self) -> None:
        assert refused([*LOOP, text_reply("Done.", id=9)]).code == "F-GATE"

    def test_only_the_agents_exchanges_count(self) -> None:
        canary = call_reply().model_copy(update={"purpose": "canary"})
        assert refused([canary]).code == "I-AGENT"


class TestText:
    def test_ordinary_json_is_no_call(self) -> None:
        assert written_call('{"name": "package", "version": "1.0"}', ["bash"]) is None
        assert written_call("{not json [at all", ["bash"]) is None

    @pytest.mark.parametrize(
        "text",
        [
            '{"name": "bash", "arguments": {}}',
            'first [{"tool": "bash"}] then',
            '{"function": {"name": "bash"}}',
            '{"function": "bash"}',
            '{"tool_name": "bash"}',
        ],
    )
    def test_json_calls(self, text: str) -> None:
        assert written_call(text, ["edit", "bash"]) == "bash"

    def test_angle_brackets_alone_are_no_markup(self) -> None:
        for text in ("use <b>bold</b>", "if a < b and c > d", "List<Function>", "call to=the office"):
            assert not MARKUP.search(text)
            assert not HARMONY.search(text)


@pytest.mark.parametrize(
    "tool",
    [
        {"type": "function", "function": {"name": "bash", "parameters": {"required": ["command"]}}},
        {"type": "function", "name": "bash", "parameters": {"required": ["command"]}},
        {"name": "bash", "input_schema": {"required": ["command"]}},
        {"type": "namespace", "name": "shell", "tools": [{"name": "bash", "parameters": {"required": ["command"]}}]},
    ],
    ids=["chat", "responses", "messages", "namespace"],
)
def test_the_tools_of_a_request_are_read_whatever_its_api(tool: dict[str, Any]) -> None:
    request = {"tools": [{"type": "web_search"}, None, tool]}
    assert offered_tools(request) == {"bash": {"required": ["command"]}}


def test_counts_are_of_the_wire() -> None:
    two = streamed(
        [(1.0, call_delta("bash", {"command": "ls"}) + call_delta("bash", {"command": "pwd"}, index=1)),
         (2.0, delta("tool_calls") + usage_event(120, 30) + event("[DONE]"))],
        start_s=10.0,
    )  # fmt: skip
    overlapping = text_reply("Done.", id=2, start_s=11.5, completion_tokens=5)
    result = refused([two, overlapping])
    assert (result.tool_calls, result.prompt_tokens, result.completion_tokens, result.turns) == (2, 220, 35, 2)
    assert result.model_s == pytest.approx(2.4), "10.0 to 12.0 and 11.5 to 12.4 overlap"


def test_the_speed_of_the_turns_is_of_the_wire() -> None:
    slow = streamed([(2.0, delta(content="a")), (2.5, delta(content="b")), (3.0, delta(content="c")),
                     (3.0, delta("stop") + usage_event(10, 3) + event("[DONE]"))])  # fmt: skip
    whole = plain_reply(200, {"choices": [{"message": {"content": "hi"}}], "usage": {"completion_tokens": 1}},
                        id=2, request={"tools": []})  # fmt: skip
    result = refused([slow, whole])
    assert (result.ttft_s, result.decode_tok_s) == (2.0, 2.0)
    assert [(turn.tokens, turn.ttft_s, turn.decode_tok_s) for turn in result.each_turn] == [
        (3, 2.0, 2.0),
        (1, None, None),
    ]


def test_a_run_of_the_model_is_never_called_invalid() -> None:
    """Invalid is only what the model cannot have caused."""
    for code, meaning in CODES.items():
        assert (meaning.outcome is Outcome.INVALID) == code.startswith("I-")
        assert (meaning.cause is Cause.MODEL) <= (meaning.outcome is Outcome.FAILED)
