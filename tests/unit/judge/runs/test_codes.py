"""Every code of the taxonomy from a recorded shape."""

from typing import Any

import pytest

from onbox.evidence.records import GateLimit
from onbox.judge.formatting import sentence
from onbox.judge.results import RunResult
from onbox.judge.runs.attribution import attribute
from onbox.judge.runs.codes import CODES
from onbox.judge.runs.observed_rate import UsualRate
from onbox.judge.runs.run_context import RunContext
from tests.builders import LEAK, failed_gate, run_record, scripted_run
from tests.exchanges import call_reply, chat_request, delta, event, plain_reply, streamed, text_reply
from tests.unit.judge.runs.shapes import (
    CUT,
    LOOP,
    OK,
    UNTOUCHED,
    again,
    echo,
    error,
    gate,
    raw_again,
    refused,
    steady,
    timed_out,
)

GONE: dict[str, Any] = {"engine_alive": False, "gate": None}
"""The engine went while the agent was at work."""
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


SHAPES: dict[str, list[RunResult]] = {
    "PASS": [attribute(*scripted_run("P", "small", "rename", 1))],
    "F-GATE": [
        attribute(*scripted_run("F", "small", "rename", 1)),
        refused([text_reply("TCP opens with SYN.", request=chat_request(tools=()))]),
        # The prefix of a reason counts, not a word in it.
        refused([*OK, text_reply("Done.")], gate=failed_gate("FAIL_VALUE the first FRAME has no header")),
    ],
    "F-FRAME": [refused([*OK, text_reply("Done.")], gate=failed_gate("FRAME_FILE_CHANGED README.md"))],
    "F-HANG": [
        attribute(run_record(gate=gate(None, limit=GateLimit.TIME)), OK, RunContext(audited=True)),
        attribute(run_record(gate=gate(3, limit=GateLimit.MEMORY)), OK, RunContext(audited=True)),
        attribute(run_record(gate=gate(None, limit=GateLimit.DISK)), OK, RunContext(audited=True)),
    ],
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
    "L-DISK": [refused(OK, stop="disk_limit")],
    "L-WIRE": [
        refused(OK, stop="wire_limit", refused={"record_bytes": 1}),
        refused(OK, stop="crash", refused={"request_bytes": 3, "held_bytes": 1}),
        refused([*OK, plain_reply(429, error("too busy"))], "endpoint", refused={"requests_at_a_time": 40}),
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
        attribute(run_record(**GONE), OK, RunContext(guarded="projected, 2.1 GB were available")),
        attribute(run_record(**GONE, fault="box: broken pipe"), OK, RunContext(guarded="breached")),
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
    "I-GATE": [refused(OK, gate=gate(2)), refused(OK, gate=gate(None, limit=GateLimit.TIME)), refused(OK, gate=None)],
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


def test_no_code_is_left_out() -> None:
    assert set(SHAPES) == set(CODES)
