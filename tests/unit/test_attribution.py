"""Every code of the taxonomy from a recorded shape, and the order in which the rules are applied."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from onbox.evidence.folder import TrialFolder
from onbox.evidence.load import load_speed
from onbox.evidence.records import AgentEnd, Changes, Exchange, GateEnd, RunRecord
from onbox.judge.formatting import sentence
from onbox.judge.results import Cause, Measurement, Outcome, RunResult
from onbox.judge.runs.attribution import attribute
from onbox.judge.runs.codes import CODES
from onbox.judge.runs.observed_rate import Usual, UsualRate, usual_rates
from onbox.judge.runs.run_context import RunContext
from onbox.judge.speed.measurement import measure
from onbox.protocol.leaked_calls import HARMONY, MARKUP, written_call
from onbox.protocol.tool_schemas import offered_tools
from tests.builders import (
    GATE_SHA256,
    LEAK,
    call_delta,
    call_reply,
    chat_request,
    delta,
    event,
    failed_gate,
    plain_reply,
    run_record,
    scripted_run,
    speed_parts,
    streamed,
    text_reply,
    usage_event,
)

DATA = Path(__file__).parents[1] / "data/llama.cpp"
UNTOUCHED = Changes(files=0, lines_added=0, lines_removed=0)


def refused(exchanges: Sequence[Exchange], stop: str = "answered", **changes: Any) -> RunResult:
    """A run whose gate said no and whose workspace is untouched."""
    values = {"gate": failed_gate(), "changes": UNTOUCHED, "agent": AgentEnd(stop=stop, turns=len(exchanges))}
    return attribute(run_record(**{**values, **changes}), exchanges)


def gate(exit_code: int | None) -> GateEnd:
    return GateEnd(exit_code=exit_code, reason="", seconds=1, sha256=GATE_SHA256)


def recorded(name: str, purpose: str = "agent") -> list[Exchange]:
    """The exchanges of a sample file of a real server."""
    found = []
    for number, sample in enumerate(json.loads((DATA / name).read_text()), start=1):
        body, error = sample["response"], sample["response"].get("error")
        exchange = plain_reply(500 if error else 200, json.loads(error) if error else body, request=sample["request"])
        found.append(exchange.model_copy(update={"id": number, "purpose": purpose}))
    return found


def error(message: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": "server_error"}}


VLLM_PROMPT_TOO_LONG = (
    "This model's maximum context length is 2048 tokens. However, your prompt contains at least 2049 input tokens, "
    "which exceeds this limit even without any output tokens. Please reduce the length of the input prompt."
)
VLLM_ASKED_TOO_MUCH = (
    "'max_tokens' or 'max_completion_tokens' is too large: 4096. This model's maximum context length is 2048 tokens "
    "and your request has 300 input tokens (4096 > 2048 - 300)."
)
VLLM_OLD_ASKED_TOO_MUCH = (
    "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (1000 in the messages, "
    "4000 in the completion). Please reduce the length of the messages or completion."
)


def again(purpose: str, text: str = "Let me see.") -> Exchange:
    """A request that was sent again, and answered in words."""
    return text_reply(text).model_copy(update={"purpose": purpose})


def raw_again(content: str) -> Exchange:
    """llama.cpp's answer past its parser."""
    return plain_reply(200, {"content": content, "stop": True}).model_copy(update={"purpose": "replay-raw"})


def timed_out() -> RunRecord:
    return run_record(gate=failed_gate(), agent=AgentEnd(stop="time_limit", turns=1))


def steady(tok_s: float) -> Exchange:
    """An answer of sixty tokens that the time limit cut off."""
    return streamed(
        [(1 + n / tok_s, delta(content=f" w{n}")) for n in range(60)], error="the client left", error_kind="client left"
    )


def company(beside: int, *rates: float | None) -> list[tuple[RunRecord, float | None]]:
    return [(run_record(n=n, beside=beside), rate) for n, rate in enumerate(rates, 1)]


def tok_s(usual: Usual, run: RunRecord) -> float | None:
    rate = usual.of(run)
    return rate.tok_s if rate else None


class TestUsualRate:
    ALONE, AMONG_THREE = run_record(), run_record(beside=2)

    def measured(self, tmp_path: Path, alone: float, three: float) -> Measurement:
        parts = speed_parts(alone)
        parts.write(tmp_path / "small" / "speed" / "1")
        evidence = load_speed(TrialFolder(tmp_path), "small", 1)
        assert evidence is not None
        cell = measure(evidence).model_copy(update={"decode_tok_s": three, "profile": {"concurrency": 3}})
        return measure(evidence).model_copy(update={"cells": (cell,)})

    def test_a_run_beside_others_is_not_held_against_the_rate_of_one_alone(self, tmp_path: Path) -> None:
        usual = usual_rates(self.measured(tmp_path, 60.0, 25.0), [], parallel=3)
        assert tok_s(usual, self.ALONE) == pytest.approx(60.0, rel=0.01)
        assert tok_s(usual, self.AMONG_THREE) == 25.0
        slow = attribute(timed_out(), [steady(14.0)], RunContext(usual=usual.of(self.ALONE)))
        fair = attribute(timed_out(), [steady(14.0)], RunContext(usual=usual.of(self.AMONG_THREE)))
        assert (slow.code, fair.code) == ("I-SLOW", "L-TIME")

    def test_of_runs_beside_others_their_own_median_goes_first(self, tmp_path: Path) -> None:
        runs = [*company(2, 12.0, None, 14.0, 13.0), *company(0, 55.0, 56.0, 57.0)]
        usual = usual_rates(self.measured(tmp_path, 60.0, 25.0), runs, parallel=3)
        assert tok_s(usual, self.AMONG_THREE) == 13.0
        assert tok_s(usual, self.ALONE) == pytest.approx(60.0, rel=0.01)

    def test_the_two_kinds_are_never_mixed(self) -> None:
        runs = [*company(2, 12.0, 13.0), *company(0, 55.0, 56.0, 57.0)]
        usual = usual_rates(None, runs, parallel=3)
        assert (usual.alone, usual.beside_others) == (UsualRate(56.0), None)

    def test_a_run_is_not_blamed_for_what_may_be_the_servers(self) -> None:
        rates = (UsualRate(28.0, 0.0), UsualRate(28.0, 0.09))
        known, vague = (attribute(timed_out(), [steady(14.5)], RunContext(usual=usual)) for usual in rates)
        assert (known.code, vague.code) == ("L-TIME", "I-SLOW")
        assert "28 ± 9 %" in vague.detail


CUT = '{"command": "echo he'


def echo(arguments: str, name: str = "bash", call_id: str = "call0", **more: Any) -> dict[str, Any]:
    """A request that sends a call back, with its result."""
    call = {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}
    history = [
        {"role": "user", "content": "Rename the function foo to bar in main.py."},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call_id, "content": "main.py"},
    ]
    return chat_request(messages=history, **more)


OK = [call_reply()]
LOOP = [call_reply("ls", id=n) for n in range(1, 5)]
SHAPES: dict[str, list[RunResult]] = {
    "PASS": [attribute(*scripted_run("P", "small", "rename", 1))],
    "F-GATE": [
        attribute(*scripted_run("F", "small", "rename", 1)),
        refused([text_reply("TCP opens with SYN.", request=chat_request(tools=()))]),
    ],
    "F-FRAME": [refused([*OK, text_reply("Done.")], gate=failed_gate("FRAME_FILE_CHANGED README.md"))],
    "M-CLAIM": [refused([text_reply("All references have been renamed to bar.")])],
    "M-PLAN": [refused([text_reply("I'll start by listing the files. Let me look at main.py.")])],
    "M-ASK": [refused([text_reply("Which of the two functions do you mean?")])],
    "M-CODE": [refused([text_reply("Here it is:\n```python\ndef bar(x): ...\n```")])],
    "M-REFUSE": [refused([text_reply("I'm sorry, but I can't help with that.")])],
    "M-NOCALL": [refused([text_reply("The file main.py holds foo.")]), refused([text_reply("", completion_tokens=1)])],
    "M-LOOP": [refused(LOOP, stop="turn_limit"), refused(OK, stop="loop")],
    "M-BADARGS": [
        refused([call_reply(name="open_file"), text_reply("Done.")]),
        refused([call_reply({"cmd": "ls"}), text_reply("Done.")]),
        refused([call_reply(arguments='["ls"]')], stop="turn_limit"),
    ],
    "M-MALFORMED": [refused([call_reply(arguments='{"command": "ls'), text_reply("Done.")])],
    "S?-REASON-ONLY": [
        refused([text_reply("", reasoning="The user wants foo renamed. Let me call bash to grep foo.")])
    ],
    "X-TAMPER": [
        attribute(run_record(tampering=("the gate's files are not what they were before the run",)), OK),
        refused(OK, tampering=("the workspace holds a reward: reward.txt",)),
    ],
    "L-CTX": [
        refused([plain_reply(400, error(VLLM_PROMPT_TOO_LONG), request=chat_request(max_tokens=512))], "endpoint"),
        refused(
            [
                text_reply(
                    "and so on", finish_reason="length", completion_tokens=90, request=chat_request(max_tokens=512)
                )
            ]
        ),
        refused(
            [plain_reply(400, error("the request exceeds the available context size, try increasing it"))], "endpoint"
        ),
        refused([plain_reply(400, error("This model's maximum context length is 4096 tokens"))], "endpoint"),
    ],
    "L-LEN": [
        refused([text_reply("and so on and so on", finish_reason="length")]),
        refused(OK, stop="token_limit"),
    ],
    "L-TURNS": [refused([call_reply("ls"), call_reply("cat a", id=2)], stop="turn_limit")],
    "L-TIME": [
        attribute(timed_out(), [steady(40.0)], RunContext(usual=UsualRate(60.0))),
        attribute(timed_out(), [steady(10.0)]),
        attribute(timed_out(), [streamed([])], RunContext(usual=UsualRate(60.0))),
        refused(OK, stop="time_limit"),
        refused(
            [streamed([(1.0, delta(content="I will"))], error="the client left", error_kind="client left")],
            stop="time_limit",
        ),
        refused(
            [
                streamed(
                    [(1.0, delta(reasoning_content="Let me call bash"))],
                    error="the client left",
                    error_kind="client left",
                )
            ],
            "time_limit",
        ),
        refused(
            [streamed([], error="the client left before the reply was complete", error_kind="client left")],
            stop="endpoint",
        ),
    ],
    "S-LEAK": [
        attribute(*scripted_run("L", "small", "rename", 1)),
        refused([text_reply('<|channel|>commentary to=functions.bash <|message|>{"command":"ls"}')]),
        refused([text_reply("ok", reasoning="<tool_call>\n<function=bash>")]),
        refused([*OK, text_reply('{"name": "bash", "arguments": {"command": "ls"}}', id=2)]),
    ],
    "S-EMPTY": [refused([text_reply("", completion_tokens=57)])],
    "S-FINISH": [refused([text_reply("", finish_reason="tool_calls")])],
    "S-STRIPPED": [refused([text_reply("analysisWe need to rename foo.assistantfinalDone.")])],
    "S-PARSE500": [
        refused([plain_reply(500, error("Failed to parse tool call arguments as JSON"))], "endpoint"),
        refused([plain_reply(500, error("Unexpected token 200002 while expecting start token 200006"))], "endpoint"),
        refused(
            [
                streamed(
                    [(1.0, delta(content="x")), (1.1, event(error("does not match the expected peg-native format")))]
                )
            ],
            "endpoint",
        ),
    ],
    "S-DROP": [
        attribute(
            run_record(gate=failed_gate(), changes=UNTOUCHED),
            [text_reply("", reasoning="Let me call bash to grep foo.")],
            RunContext(replays=(again("replay"), raw_again(LEAK))),
        ),
        attribute(
            run_record(gate=failed_gate(), changes=UNTOUCHED),
            [text_reply("Which function do you mean?")],
            RunContext(replays=(again("replay"), call_reply().model_copy(update={"purpose": "replay-flipped"}))),
        ),
    ],
    "S-ARGS": [
        attribute(
            run_record(gate=failed_gate(), changes=UNTOUCHED),
            [call_reply(arguments="{}"), text_reply("Done.", id=2)],
            RunContext(
                replays=(
                    call_reply(arguments="{}").model_copy(update={"purpose": "replay"}),
                    call_reply().model_copy(update={"purpose": "replay-flipped"}),
                )
            ),
        ),
        refused(
            [call_reply(arguments=CUT), plain_reply(400, error("Bad Request"), id=2, request=echo(CUT))], "endpoint"
        ),
    ],
    "S-HISTORY": [
        refused(
            [
                call_reply(),
                plain_reply(400, error("messages.1: content is null"), id=2, request=echo('{"command": "ls"}')),
            ],
            "endpoint",
        )
    ],
    "I-SLOW": [attribute(timed_out(), [steady(10.0)], RunContext(usual=UsualRate(60.0)))],
    "I-SETTING": [
        refused([plain_reply(400, error(VLLM_ASKED_TOO_MUCH), request=chat_request(max_tokens=4096))], "endpoint"),
        refused([plain_reply(400, error(VLLM_OLD_ASKED_TOO_MUCH), request=chat_request(max_tokens=4000))], "endpoint"),
    ],
    "I-GUARD": [
        attribute(run_record(engine_alive=False), OK, RunContext(guarded="projected, 2.1 GB were available")),
        attribute(run_record(engine_alive=False, fault="box: broken pipe"), OK, RunContext(guarded="breached")),
    ],
    "I-CONN": [
        refused([text_reply("Done.")], engine_alive=False),
        refused([plain_reply(None, None, error="ConnectionRefusedError")], "endpoint"),
        refused([streamed([(1.0, delta(content="x"))], error="ConnectionResetError: reset")], "endpoint"),
        refused([streamed([(1.0, delta(content="x"))])], "endpoint"),
    ],
    "I-5XX": [
        refused([plain_reply(503, error("Loading model"))], "endpoint"),
        refused([plain_reply(500, "boom")], "endpoint"),
    ],
    "I-4XX": [refused([plain_reply(422, error("tools: field not known"))], "endpoint")],
    "I-429": [refused([plain_reply(429, error("slow down"))], "endpoint")],
    "I-AUTH": [refused([plain_reply(401, error("invalid key"))], "endpoint")],
    "I-MODEL404": [refused([plain_reply(404, error("no such model"))], "endpoint")],
    "I-AGENT": [refused([]), refused(OK, stop="crash")],
    "I-GATE": [refused(OK, gate=gate(2)), refused(OK, gate=gate(None)), refused(OK, gate=None)],
    "I-TASK": [attribute(run_record(), OK, RunContext(task_sha256="c" * 64))],
    "I-SANDBOX": [attribute(*scripted_run("I", "small", "rename", 1))],
    "I-DISK": [refused(OK, fault="OSError: [Errno 28] No space left on device", fault_kind="disk full")],
    "I-OOM": [refused(OK, fault="MemoryError: cannot allocate memory", fault_kind="out of memory")],
    "I-STRUCK": [attribute(run_record(), OK, RunContext(struck="the box was asleep"))],
}


@pytest.mark.parametrize("code", CODES)
def test_every_code_is_reached(code: str) -> None:
    for result in SHAPES[code]:
        assert result.code == code, result.detail
        assert (result.outcome, result.attribution) == (CODES[code].outcome, CODES[code].cause)
        assert result.detail.startswith(sentence(CODES[code].meaning)[:-1])


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
        assert attribute(run_record(engine_alive=False), OK).code == "I-CONN"

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


class TestReplays:
    CLAIM = (text_reply("All references have been renamed."),)

    def judged(self, *replays: Exchange, said: Sequence[Exchange] = CLAIM) -> RunResult:
        record = run_record(gate=failed_gate(), changes=UNTOUCHED)
        return attribute(record, said, RunContext(replays=replays))

    def test_never_tried_with_its_bound(self) -> None:
        result = self.judged(*[again("replay")] * 5, *[raw_again("All done.")] * 5)
        assert (result.code, result.replay) == ("M-CLAIM", "never tried")
        assert result.replay_bound == pytest.approx(0.4507, abs=1e-4), "1 - 0.05^(1/5)"
        assert "45 %" in result.detail

    def test_reasoning_that_never_becomes_a_call_is_a_plan(self) -> None:
        thought = [text_reply("", reasoning="Let me call bash to grep foo.")]
        result = self.judged(*[again("replay")] * 5, *[raw_again("I should grep.")] * 5, said=thought)
        assert (result.code, result.outcome) == ("M-PLAN", Outcome.FAILED)

    def test_a_server_whose_calls_arrive_has_dropped_nothing(self) -> None:
        called = call_reply().model_copy(update={"purpose": "replay"})
        result = self.judged(called, again("replay"), raw_again(LEAK))
        assert (result.code, result.replay, result.replay_bound) == ("M-CLAIM", "calls when asked again", None)
        assert "unchanged 1 of 2" in result.detail

    def test_without_a_road_past_the_parser_it_stays_open(self) -> None:
        thought = [text_reply("", reasoning="Let me call bash to grep foo.")]
        result = self.judged(again("replay"), again("replay-flipped"), said=thought)
        assert (result.code, result.replay) == ("S?-REASON-ONLY", "open")

    def test_answers_that_broke_say_nothing(self) -> None:
        broken = plain_reply(503, error("busy")).model_copy(update={"purpose": "replay"})
        raw = plain_reply(500, "boom").model_copy(update={"purpose": "replay-raw"})
        result = self.judged(broken, raw)
        assert (result.code, result.replay) == ("M-CLAIM", "")

    def test_a_failure_that_shows_itself_is_not_turned_by_a_replay(self) -> None:
        result = self.judged(again("replay"), raw_again(LEAK), said=[call_reply(), text_reply("Done.", id=2)])
        assert (result.code, result.replay) == ("F-GATE", "dropped by the server")

    def test_harmony_and_xml_in_the_raw_text_are_calls(self) -> None:
        harmony = '<|channel|>commentary to=functions.bash <|constrain|>json<|message|>{"command":"ls"}<|call|>'
        for raw in (harmony, "<tool_call>\n<function=bash>\n<parameter=command>ls</parameter>"):
            assert self.judged(again("replay"), raw_again(raw)).code == "S-DROP"

    def test_a_torn_call_is_no_call(self) -> None:
        assert self.judged(again("replay"), raw_again('<tool_call>{"name": "bash", "arg')).replay == "never tried"


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


def test_no_code_is_left_out() -> None:
    assert set(SHAPES) == set(CODES)
