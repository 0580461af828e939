"""Blame rests on evidence: arguments that a server broke, its own words refused, exit codes, full contexts."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from onbox.evidence.records import AgentEnd, AgentStop, Changes, Exchange, GateEnd, GateLimit
from onbox.evidence.trial_evidence import RunEvidence
from onbox.judge.results import Cause, Outcome, RunResult
from onbox.judge.runs.attribution import attribute
from onbox.judge.runs.context_window import CONTEXT, RATE_LIMIT
from onbox.judge.runs.run_context import RunContext, TrialContext
from tests.builders import GATE_SHA256, build_trial, failed_gate, run_record
from tests.exchanges import call_delta, call_reply, chat_request, plain_reply, streamed, text_reply
from tests.unit.judge.runs.shapes import CUT, echo, error

SECOND = 1_000_000_000
GOOD = '{"command": "ls"}'


def judged(
    exchanges: Sequence[Exchange], stop: str = "answered", replays: Sequence[Exchange] = (), **changes: Any
) -> RunResult:
    values = {
        "gate": failed_gate(),
        "changes": Changes(files=0, lines_added=0, lines_removed=0),
        "agent": AgentEnd(stop=stop, detail="exit code 1: it printed nothing", turns=len(exchanges)),
    }
    return attribute(run_record(**{**values, **changes}), exchanges, RunContext(replays=tuple(replays)))


def served(arguments: str, purpose: str = "replay", **more: Any) -> Exchange:
    return call_reply(arguments=arguments, **more).model_copy(update={"purpose": purpose})


def raw(text: str) -> Exchange:
    return plain_reply(200, {"content": text, "stop": True}).model_copy(update={"purpose": "replay-raw"})


def written(arguments: str) -> str:
    return f'<tool_call>\n{{"name": "bash", "arguments": {arguments}}}\n</tool_call>'


BROKEN = {
    "lost": "",
    "empty": "{}",
    "cut": CUT,
    "doubled": GOOD + GOOD,
    "reordered": '"ls"{"command": }',
    "quoted twice": '"{\\"command\\": \\"ls\\"}"',
    "of another call": '{"path": "a.txt"}',
    "half of two": '{"comm{"command": "ls"}',
    "a bare value": "ls",
    "null": "null",
}
"""What parsers have made of `GOOD`."""


class TestArguments:
    @pytest.mark.parametrize("arguments", BROKEN.values(), ids=list(BROKEN))
    def test_broken_in_the_stream_and_whole_elsewhere_is_the_servings(self, arguments: str) -> None:
        run = [call_reply(arguments=arguments), text_reply("I could not do it.", id=2)]
        whole = [served(GOOD, "replay-flipped")] * 5
        for replays in ([*[served(arguments)] * 5, *whole], [*[served(arguments)] * 5, *[raw(written(GOOD))] * 5]):
            result = judged(run, replays=replays)
            assert (result.code, result.outcome, result.attribution) == (
                "S-ARGS", Outcome.SERVING_FAILURE, Cause.SERVING
            )  # fmt: skip
            assert result.replay == "broken by the server"
            assert "with whole arguments: unchanged 0 of 5" in result.detail

    @pytest.mark.parametrize("arguments", BROKEN.values(), ids=list(BROKEN))
    def test_broken_past_the_parser_too_is_the_models(self, arguments: str) -> None:
        run = [call_reply(arguments=arguments), text_reply("I could not do it.", id=2)]
        replays = [*[served(arguments)] * 5, *[raw(f'<tool_call>{{"name": "bash", "arguments": {CUT}</tool_call>')] * 5]
        assert judged(run, replays=replays).attribution is Cause.MODEL

    def test_one_broken_call_among_good_ones_is_enough(self) -> None:
        """A parser that loses long arguments alone leaves the short ones whole."""
        run = [call_reply(), call_reply(arguments="{}", id=2), text_reply("It does not work.", id=3)]
        replays = [*[served("{}")] * 5, *[raw(written(GOOD))] * 5]
        assert judged(run, replays=replays).code == "S-ARGS"
        assert judged(run).code == "F-GATE"

    @pytest.mark.parametrize("stop", ["loop", "turn_limit", "time_limit", "token_limit", "crash"])
    def test_however_the_agent_ended(self, stop: str) -> None:
        run = [call_reply(arguments="{}", id=n) for n in range(1, 6)]
        replays = [*[served("{}")] * 5, *[served(GOOD, "replay-flipped")] * 5]
        assert judged(run, stop, replays).code == "S-ARGS"

    def test_a_call_that_fails_now_and_then_everywhere_is_not_laid_to_the_server(self) -> None:
        run = [call_reply(arguments="{}"), text_reply("No.", id=2)]
        replays = [served("{}"), *[served(GOOD)] * 4, *[raw(written(GOOD))] * 4, raw(written("{}"))]
        assert judged(run, replays=replays).code == "M-BADARGS"

    def test_a_call_that_comes_whole_when_asked_again_proves_nothing(self) -> None:
        run = [call_reply(arguments="{}"), text_reply("No.", id=2)]
        result = judged(run, replays=[served(GOOD)] * 5)
        assert (result.code, result.replay) == ("M-BADARGS", "calls when asked again")

    @pytest.mark.parametrize("stop", ["time_limit", "token_limit"])
    def test_a_call_that_the_limit_of_the_run_cut_off_is_that_limit(self, stop: str) -> None:
        cut = streamed([(0.1, call_delta("bash", CUT))], error="the run ended", error_kind="run ended")
        assert judged([cut], stop).code == {"time_limit": "L-TIME", "token_limit": "L-LEN"}[stop]
        finished = call_reply(arguments=CUT)
        assert judged([finished], stop).code == "M-MALFORMED"

    def test_a_call_cut_at_the_limit_of_output_is_a_limit(self) -> None:
        cut = call_reply(arguments=CUT)
        cut = cut.model_copy(update={"request": chat_request(max_tokens=15)})
        assert judged([cut]).code == "L-LEN", "15 tokens of 15, though the server says tool_calls"
        again = plain_reply(400, error("Unterminated string"), id=2, request=echo(CUT))
        assert judged([cut, again], "endpoint").code == "L-LEN"

    def test_xml_of_the_model_is_read_past_the_parser(self) -> None:
        text = "<tool_call>\n<function=bash>\n<parameter=command>\nls\n</parameter>\n</function>\n</tool_call>"
        run = [call_reply(arguments="{}"), text_reply("No.", id=2)]
        assert judged(run, replays=[*[served("{}")] * 5, *[raw(text)] * 5]).code == "S-ARGS"


class TestOwnWordsRefused:
    @pytest.mark.parametrize("status", [400, 422, 500])
    @pytest.mark.parametrize(
        "message", ["Bad Request", "Expecting ',' delimiter: line 1", "Can only get item pairs from a mapping."]
    )
    @pytest.mark.parametrize("stop", ["endpoint", "crash", "answered", "time_limit"])
    def test_a_call_cut_off_and_refused_when_it_comes_back(self, status: int, message: str, stop: str) -> None:
        again = plain_reply(status, error(message), id=2, request=echo(CUT))
        result = judged([call_reply(arguments=CUT), again, again.model_copy(update={"id": 3})], stop)
        assert (result.code, result.outcome, result.attribution) == ("S-ARGS", Outcome.SERVING_FAILURE, Cause.SERVING)
        assert "the server had said that itself" in result.detail

    def test_the_models_own_broken_words_are_the_models(self) -> None:
        again = plain_reply(400, error("Bad Request"), id=2, request=echo(CUT))
        torn = raw(f'<tool_call>{{"name": "bash", "arguments": {CUT}</tool_call>')
        result = judged([call_reply(arguments=CUT), again], "endpoint", [*[served(CUT)] * 5, *[torn] * 5])
        assert (result.code, result.attribution) == ("M-MALFORMED", Cause.MODEL)

    @pytest.mark.parametrize(
        "request_",
        [
            echo(GOOD, name=""),
            echo(GOOD, call_id=""),
            echo('["ls"]'),
            chat_request(
                input=[{"type": "function_call", "call_id": "a", "name": "bash", "arguments": CUT}], messages=None
            ),
            chat_request(
                messages=[{"role": "assistant", "content": None, "function_call": {"name": "bash", "arguments": CUT}}]
            ),
        ],
        ids=["no name", "no id", "no object", "responses", "older form"],
    )
    def test_other_calls_that_nobody_can_read(self, request_: dict[str, Any]) -> None:
        assert (
            judged([call_reply(), plain_reply(400, error("no"), id=2, request=request_)], "endpoint").code == "S-ARGS"
        )

    @pytest.mark.parametrize(
        "message",
        [
            "messages[1].content must be a string",
            "Conversation roles must alternate",
            "Bad Request",
            "At most 0 image(s) may be provided in one prompt.",
            "tool_call_id call0 does not match",
        ],
    )
    def test_a_refusal_after_an_answer_is_never_the_agents(self, message: str) -> None:
        result = judged([call_reply(), plain_reply(400, error(message), id=2, request=echo(GOOD))], "endpoint")
        assert (result.code, result.outcome) == ("S-HISTORY", Outcome.SERVING_FAILURE)

    @pytest.mark.parametrize("message", ["Bad Request", "messages[1]: arguments is null"])
    def test_an_answer_that_broke_off_is_an_answer_too(self, message: str) -> None:
        """The agent goes on with what it was sent before the stream ended, here a call without its arguments."""
        broken = streamed([(0.1, call_delta("bash", ""))])
        lost = echo(GOOD)
        lost["messages"][1]["tool_calls"][0]["function"]["arguments"] = None
        result = judged([broken, plain_reply(400, error(message), id=2, request=lost)], "crash")
        assert (result.outcome, result.attribution) == (Outcome.SERVING_FAILURE, Cause.SERVING)

    def test_a_setting_that_the_agent_put_in_is_its_own(self) -> None:
        bent = echo(GOOD, reasoning_effort="extreme")
        result = judged(
            [call_reply(), plain_reply(400, error("reasoning_effort: not known"), id=2, request=bent)], "endpoint"
        )
        assert (result.code, result.attribution) == ("I-4XX", Cause.AGENT)

    def test_the_first_request_is_the_agents(self) -> None:
        assert judged([plain_reply(400, error("messages: too few"))], "endpoint").code == "I-4XX"
        assert judged([plain_reply(413, error("request body too large"))], "endpoint").code == "I-4XX"

    def test_a_history_grown_too_large_for_the_server_is_a_limit(self) -> None:
        assert (
            judged([call_reply(), plain_reply(413, error("too large"), id=2, request=echo(GOOD))], "crash").code
            == "L-CTX"
        )


FULL = {
    "field case": "8307 tokens exceeds 8192",
    "vLLM": "This model's maximum context length is 8192 tokens. However, you requested 8307 tokens (8307 in the "
    "messages, 0 in the completion). Please reduce the length of the messages or completion.",
    "vLLM by length": "The decoder prompt (length 8307) is longer than the maximum model length of 8192. Make "
    "sure that `max_model_len` is no smaller than the number of text tokens.",
    "vLLM below nothing": "max_tokens must be at least 1, got -115.",
    "SGLang": "The input (8307 tokens) is longer than the model's context length (8192 tokens).",
    "SGLang total": "Requested token count exceeds the model's maximum context length of 8192 tokens. You requested a "
    "total of 8500 tokens: 8307 tokens from the input messages and 193 tokens for the completion.",
    "SGLang allowed": "Input length (8307 tokens) exceeds the maximum allowed length (8186 tokens). Use a shorter "
    "input or enable --allow-auto-truncate.",
    "llama.cpp": "request (8307 tokens) exceeds the available context size (8192 tokens), try increasing it",
    "llama.cpp old": "the request exceeds the available context size. try increasing the context size or enable "
    "context shift",
    "llama.cpp while it writes": "Context size has been exceeded.",
    "Ollama": "prompt too long; exceeded max context length by 115 tokens",
    "Ollama input": "the input length exceeds the context length",
    "TensorRT-LLM": "The sum of prompt length (8307), query length (0) and max_tokens (193) should not exceed "
    "max_seq_len (8192)",
    "TensorRT-LLM default": "`default_max_tokens` (-115) must be greater than 0, `default_max_tokens` = max_seq_len "
    "(8192) - prompt_len (8307)",
    "LM Studio": "Trying to keep the first 8307 tokens when context the overflows. However, the model is loaded with "
    "context length of only 8192 tokens, which is not enough.",
    "LM Studio newer": "The number of tokens to keep from the initial prompt is greater than the context length. Try "
    "to load the model with a larger context length, or provide a shorter input",
    "OpenAI": "context_length_exceeded",
    "Anthropic": "prompt is too long: 8307 tokens > 8192 maximum",
    "text-generation-inference": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 8192. Given: "
    "8307 `inputs` tokens and 20 `max_new_tokens`",
    "TabbyAPI": "Prompt length 8307 is greater than max_seq_len 8192",
    "llama-cpp-python": "Requested tokens (8307) exceed context window of 8192",
    "Gemini": "The input token count (8307) exceeds the maximum number of tokens allowed (8192).",
    "Bedrock": "Input is too long for requested model.",
    "OpenRouter": "Prompt tokens limit exceeded: 8307 > 8192",
    "Cohere": "too many tokens: total number of tokens in the prompt cannot exceed 8192 - received 8307",
}


class TestFullContext:
    @pytest.mark.parametrize("message", FULL.values(), ids=list(FULL))
    @pytest.mark.parametrize("stop", ["crash", "endpoint", "answered", "time_limit", "turn_limit"])
    def test_in_the_words_of_each_server(self, message: str, stop: str) -> None:
        full = [plain_reply(400, error(message), id=n, request=echo(GOOD, max_tokens=4096)) for n in (2, 3)]
        result = judged([call_reply(), *full], stop)
        assert (result.code, result.outcome, result.attribution) == ("L-CTX", Outcome.FAILED, Cause.LIMIT)

    def test_the_context_is_named(self) -> None:
        full = [plain_reply(400, error("8307 tokens exceeds 8192"), id=n) for n in (1, 2)]
        assert "8307 tokens exceeds 8192" in judged(full, "crash").detail

    @pytest.mark.parametrize(
        "then", [plain_reply(429, error("slow down"), id=3), plain_reply(None, None, id=3, error="reset")]
    )
    def test_whatever_came_when_it_was_asked_again(self, then: Exchange) -> None:
        full = plain_reply(400, error(FULL["llama.cpp"]), id=2, request=echo(GOOD))
        assert judged([call_reply(), full, then], "crash").code == "L-CTX"

    def test_a_request_that_got_through_afterwards_ends_it(self) -> None:
        full = plain_reply(400, error(FULL["llama.cpp"]), id=2, request=echo(GOOD))
        assert judged([call_reply(), full, text_reply("Done.", id=3)]).code == "F-GATE"

    def test_a_rate_limit_is_no_context(self) -> None:
        message = "Rate limit: 8307 tokens exceed the limit of tokens per minute"
        assert CONTEXT.search(message)
        assert RATE_LIMIT.search(message)
        assert judged([plain_reply(400, error(message))], "endpoint").code == "I-4XX"


class TestExitCode:
    def test_a_gate_that_passed_is_a_pass(self) -> None:
        assert attribute(run_record(agent=AgentEnd(stop="crash", detail="exit code 1")), [call_reply()]).code == "PASS"

    @pytest.mark.parametrize(
        ("exchanges", "code"),
        [
            ([plain_reply(503, error("busy"), id=2)], "I-5XX"),
            ([text_reply("I cannot find the file.", id=2)], "F-GATE"),
            ([text_reply("", completion_tokens=57, id=2)], "S-EMPTY"),
            ([call_reply(arguments=CUT, id=2)], "M-MALFORMED"),
            ([call_reply("pkill -f node", id=2)], "F-GATE"),
            ([call_reply("ls", id=2)], "I-AGENT"),
            ([streamed([], id=2, error="the client left", error_kind="client left")], "I-AGENT"),
        ],
        ids=["wire", "last word", "empty answer", "broken call", "kills", "works on", "breaks off"],
    )
    def test_is_looked_at_last(self, exchanges: list[Exchange], code: str) -> None:
        assert judged([call_reply(), *exchanges], "crash").code == code

    def test_an_agent_that_waited_long_and_gave_up_met_a_limit(self) -> None:
        waited = streamed([], id=2, error="the client left", error_kind="client left")
        waited = waited.model_copy(update={"ended_ns": 300 * SECOND})
        assert judged([call_reply(), waited], "crash").code == "L-TIME"

    def test_a_server_that_failed_until_the_time_was_over_is_no_slow_model(self) -> None:
        busy = [plain_reply(503, error("busy"), id=n) for n in (1, 2, 3)]
        ended = streamed([], id=4, error="the run ended", error_kind="run ended")
        assert judged([*busy, ended], "time_limit").code == "I-5XX"


REFUSED = plain_reply(None, None, id=3, error="connection refused").model_copy(update={"error_kind": "refused"})
ENDS: dict[str, tuple[list[Exchange], bool]] = {
    "nothing": ([], False),
    "first refused": ([plain_reply(400, error("no"))], False),
    "down": ([REFUSED], False),
    "busy": ([call_reply(), plain_reply(503, error("busy"), id=2)], False),
    "asks for more": ([call_reply(), call_reply("pwd", id=2)], False),
    "words": ([call_reply(), text_reply("Done.", id=2)], True),
    "only words": ([text_reply("Done.")], True),
    "broken call": ([call_reply(arguments=CUT)], True),
    "broken call refused": ([call_reply(arguments=CUT), plain_reply(400, error("no"), id=2, request=echo(CUT))], True),
    "history refused": ([call_reply(), plain_reply(422, error("no"), id=2, request=echo(GOOD))], True),
    "full": ([call_reply(), plain_reply(400, error(FULL["vLLM"]), id=2, request=echo(GOOD))], True),
    "full, then down": (
        [call_reply(), plain_reply(400, error(FULL["vLLM"]), id=2), REFUSED],
        True,
    ),
    "unparsed": ([plain_reply(500, error("Failed to parse tool call"))], True),
    "cut at its length": ([text_reply("and so on", finish_reason="length")], True),
    "kills the agent": ([call_reply("killall opencode")], True),
}
"""How a run can end on the wire, and whether the model can have caused that its gate said no."""


@pytest.mark.parametrize(("end", "stop", "exit_code"), list(itertools.product(ENDS, AgentStop, (0, 1))), ids=str)
def test_invalid_is_only_what_the_model_cannot_have_caused(end: str, stop: AgentStop, exit_code: int) -> None:
    exchanges, by_the_model = ENDS[end]
    gate = failed_gate().model_copy(update={"exit_code": exit_code})
    result = attribute(run_record(gate=gate, agent=AgentEnd(stop=stop, detail="exit code 1")), exchanges)
    if exit_code == 0:
        assert result.outcome is (Outcome.PASSED if exchanges else Outcome.INVALID), result.detail
    elif by_the_model:
        assert result.outcome in (Outcome.FAILED, Outcome.SERVING_FAILURE), (result.code, result.detail)
    elif end in ("nothing", "first refused", "down", "busy"):
        assert result.outcome is Outcome.INVALID, (result.code, result.detail)
    assert (result.attribution is Cause.AGENT) <= (result.outcome is Outcome.INVALID)


WITHOUT_VERDICT = {
    "killed": GateEnd(exit_code=None, reason="", seconds=60, sha256=GATE_SHA256, limit=GateLimit.TIME),
    "out of memory": GateEnd(exit_code=3, reason="", seconds=2, sha256=GATE_SHA256, limit=GateLimit.MEMORY),
    "disk": GateEnd(exit_code=None, reason="", seconds=2, sha256=GATE_SHA256, limit=GateLimit.DISK),
    "broke": GateEnd(exit_code=2, reason="GATE_FAULT KeyError: 'a'", seconds=2, sha256=GATE_SHA256),
    "broke, with words of a limit": GateEnd(
        exit_code=2,
        reason="GATE_FAULT out of memory: killed at the sandbox's bound, no verdict within 60 s",
        seconds=2,
        sha256=GATE_SHA256,
    ),
    "missing": None,
}
"""How a gate can end without a verdict; the code under test can cause the first three."""


@pytest.mark.parametrize(
    ("end", "gate", "files", "audited", "broken"),
    list(itertools.product(AgentStop, WITHOUT_VERDICT, (0, 1), (False, True), (False, True))),
    ids=str,
)
def test_a_gate_without_a_verdict_is_laid_to_the_code_that_it_judged_where_that_is_known(
    end: AgentStop, gate: str, files: int, audited: bool, broken: bool
) -> None:
    """Invalid is what the model cannot have caused, or what nobody can know; then it says so."""
    run = run_record(
        gate=WITHOUT_VERDICT[gate],
        changes=Changes(files=files, lines_added=files, lines_removed=0),
        agent=AgentEnd(stop=end, detail="exit code 1"),
    )
    exchanges = [call_reply(arguments="{}" if broken else GOOD), text_reply("Done.", id=2)]
    replays = (*[served("{}")] * 5, *[served(GOOD, "replay-flipped")] * 5) if broken else ()
    result = attribute(run, exchanges, RunContext(replays=replays, audited=audited))
    used_up, caused = gate in ("killed", "out of memory", "disk"), bool(files) and audited
    if not (used_up and caused):
        assert (result.code, result.outcome, result.attribution) == ("I-GATE", Outcome.INVALID, Cause.GATE)
        assert ("is unknown, as it was not audited" in result.detail) == (used_up and bool(files) and not audited)
    elif broken:
        assert result.code == "S-ARGS", "the server broke the calls that the code was written by"
    else:
        assert (result.code, result.outcome, result.attribution) == ("F-HANG", Outcome.FAILED, Cause.MODEL)
        assert "judged the reference solution" in result.detail


@pytest.mark.parametrize("audit", ["builtin", "passed", "not asked", None])
def test_the_plan_says_which_gates_were_audited(audit: str | None, tmp_path: Path) -> None:
    plan = build_trial(tmp_path / "trial").plan()
    tasks = tuple(task.model_copy(update={"audit": audit}) for task in plan.tasks)
    run = RunEvidence(record=run_record(task=tasks[0].name), exchanges=(), replays=())
    context = TrialContext(plan.model_copy(update={"tasks": tasks}), (), ()).of(run)
    assert context.audited == (audit in ("builtin", "passed"))


@pytest.mark.parametrize("text", ["!" * 5_000_000, "{[ " * 1_000_000], ids=["one sign", "braces"])
def test_garbage_is_a_line_in_every_detail(text: str) -> None:
    result = judged([text_reply(text)])
    assert result.attribution is Cause.MODEL
    assert len(result.detail) < 300
