"""The questions that come before the work: what is missing is found, and the flag that brings it is named."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from onbox import preflight
from onbox.bench.agents import OPENING_TOKENS, agent_names
from onbox.bench.tools import DEFINITIONS
from onbox.engines.model_families import FAMILIES
from onbox.engines.parser_faults import ParserFault
from onbox.engines.served import Served, options_of, who_serves
from onbox.engines.sglang.parser_faults import FAULTS as SGLANG_FAULTS
from onbox.engines.vllm.parser_faults import FAULTS as VLLM_FAULTS
from onbox.evidence.records import Preflight
from onbox.preflight.remedies import Trouble, remedy
from onbox.see.pictures import made
from onbox.wire.client import StampedClient
from onbox.wire.endpoint import Endpoint
from tests.builders import call_delta, delta, event
from tests.doubles.server import Asked, Wire, serving
from tests.e2e.cli import onbox_here, scripted

DATA = Path(__file__).parents[1] / "data"
VLLM_MODELS = {"data": [{"id": "m", "owned_by": "vllm", "max_model_len": 2048, "root": "models/Qwen2.5-7B"}]}
LLAMA_MODELS = {"data": [{"id": "m", "owned_by": "llamacpp"}]}
LLAMA_PROPS = {
    "default_generation_settings": {"n_ctx": 32768, "params": {"temperature": 0.8, "top_k": 40}},
    "modalities": {"vision": False},
    "build_info": "b11549-abc",
}
SEED = 7
NUMBER = made("digits", str(SEED)).expected[0]
VLLM = Served("vLLM", "0.32.0", ("m",), 2048, None, None)


@pytest.fixture(autouse=True)
def _known_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secrets.randbelow", lambda below: SEED)


Answer = Callable[[dict[str, Any]], tuple[int, bytes]]


def ask(*replies: bytes, status: int = 200, requests: int = 2) -> dict[str, tuple[str, str]]:
    """(status, detail) by case, of a server that gives these replies in turn."""
    turns = iter(replies)

    def script(asked: Asked, wire: Wire) -> None:
        if status == 200:
            wire.stream([next(turns, b"")])
        else:
            wire.whole(status, next(turns, b""))

    with serving(script) as server, StampedClient(Endpoint.parse(server.url)) as client:
        found, exchanges = preflight.short(client, "m", list(DEFINITIONS), "own.jinja")
    assert [exchange.purpose for exchange in exchanges] == ["preflight"] * requests
    assert found.tools == (found.cases[1].status == "pass")
    assert "tools" not in server.asked[0].json()
    if requests == 1:
        return {case.name: (case.status, case.detail) for case in found.cases}
    assert [tool["function"]["name"] for tool in server.asked[1].json()["tools"]] == [
        tool["function"]["name"] for tool in DEFINITIONS
    ]
    return {case.name: (case.status, case.detail) for case in found.cases}


def reply(*events: str) -> bytes:
    return ("".join(events) + event("[DONE]")).encode()


class TestShort:
    PARIS = reply(delta(content="Par"), delta(content="is."))

    def test_a_server_that_can(self) -> None:
        cases = ask(self.PARIS, reply(call_delta("bash", {"command": "ls"})))
        assert cases == {
            "coherence": ("pass", "asked for the capital of France, it said: Paris."),
            "tool_call": ("pass", 'bash {"command": "ls"}'),
        }

    def test_nonsense_is_quoted(self) -> None:
        cases = ask(reply(delta(content="aaaa " * 100)), requests=1)
        status, detail = cases["coherence"]
        assert status == "fail"
        assert detail.startswith("it talks nonsense: ")
        assert detail.endswith("...")
        assert len(detail) < 250
        assert cases["tool_call"][0] == "unknown"

    def test_an_empty_answer_is_no_nonsense(self) -> None:
        cases = ask(reply(), reply(call_delta("bash", {"command": "ls"})))
        assert cases["coherence"] == ("fail", "asked for the capital of France, it gave an empty answer")
        assert cases["tool_call"][0] == "pass"

    def test_the_answer_may_be_in_the_reasoning(self) -> None:
        assert ask(reply(delta(reasoning="It is Paris")), reply())["coherence"][0] == "pass"

    def test_a_call_that_leaked_into_the_text_names_the_template(self) -> None:
        status, detail = ask(self.PARIS, reply(delta(content='<tool_call>{"name": "bash"}</tool_call>')))["tool_call"]
        assert status == "fail"
        assert "no tool call came back, but text: <tool_call>" in detail
        assert "own.jinja" in detail

    def test_a_tool_that_was_not_offered_is_a_warning(self) -> None:
        status, detail = ask(self.PARIS, reply(call_delta("shell", "{}")))["tool_call"]
        assert (status, detail) == ("warn", "it called 'shell', which was not offered")

    @pytest.mark.parametrize("arguments", ['{"command": ', '"ls"', "{}", "", '{"path": "a"}', '{"command": 7}', "[]"])
    def test_broken_arguments_are_a_failure(self, arguments: str) -> None:
        status, detail = ask(self.PARIS, reply(call_delta("bash", arguments)), requests=3)["tool_call"]
        assert status == "fail"
        assert detail.startswith("calls come, and their arguments are broken: bash: ")

    def test_an_error_status_is_quoted(self) -> None:
        body = json.dumps({"error": "no tools here"}).encode()
        cases = ask(body, body, status=400)
        assert {status for status, _ in cases.values()} == {"fail"}
        assert "status 400" in cases["tool_call"][1]
        assert "no tools here" in cases["tool_call"][1]


def stream(*events: str) -> tuple[int, bytes]:
    return 200, reply(*events)


def whole(content: str | None = "ok", **message: Any) -> tuple[int, bytes]:
    choice = {"message": {"content": content, **message}, "finish_reason": "stop"}
    return 200, json.dumps({"choices": [choice], "usage": {"prompt_tokens": 30, "completion_tokens": 2}}).encode()


def fault(status: int, message: str) -> tuple[int, bytes]:
    return status, json.dumps({"error": {"message": message}}).encode()


def long(answer: Answer, gets: dict[str, Any] | None = None) -> Preflight:
    """All questions to a server that answers each POST by its body, and each GET from a table."""
    table = {"/v1/models": VLLM_MODELS, "/version": {"version": "0.32.0"}} if gets is None else gets

    def script(asked: Asked, wire: Wire) -> None:
        if asked.method == "GET":
            wire.whole(200 if asked.path in table else 404, json.dumps(table.get(asked.path, {})).encode())
            return
        status, body = answer({"path": asked.path, **asked.json()})
        if status == 200 and asked.json().get("stream"):
            wire.stream([body])
        else:
            wire.whole(status, body)

    with serving(script) as server, StampedClient(Endpoint.parse(server.url)) as client:
        served = who_serves(client)
        assert served is not None
        record, exchanges = preflight.long(client, "m", served)
    assert record.requests == len(exchanges)
    return record


def able(body: dict[str, Any]) -> tuple[int, bytes]:
    """A server and a model that can do everything."""
    if body["path"] == "/v1/responses":
        return 200, json.dumps({"object": "response", "status": "completed", "output": []}).encode()
    if body["path"] == "/v1/messages":
        return 200, json.dumps({"type": "message", "content": [{"type": "text", "text": "ok"}]}).encode()
    messages = body.get("messages") or [{"content": ""}]
    asked = messages[-1]["content"]
    if isinstance(asked, list):
        return stream(delta(content=f"It is {NUMBER}."))
    if "capital of France" in asked:
        return stream(delta(content="Paris"), event({"choices": [], "usage": {"completion_tokens": 2}}))
    if "number is" in asked:
        return stream(delta(content="It is 4711."))
    if asked == "nothing":
        thought = len(messages[1].get("reasoning", ""))
        usage = {"prompt_tokens": 40 + thought, "completion_tokens": 1}
        return 200, json.dumps({"choices": [{"message": {"content": "x"}}], "usage": usage}).encode()
    if asked.startswith("Write exactly"):
        return stream(call_delta("write_file", {"path": "greet.py", "content": asked.partition("\n\n")[2]}))
    if "both at once" in asked:
        return stream(call_delta("read_file", {"path": "a"}), call_delta("read_file", {"path": "b"}, index=1))
    if "Which files" in asked:
        return stream(call_delta("list_files", ""))
    if "notes.txt" in asked and body["stream"]:
        return stream(delta(reasoning="I should read it."), call_delta("read_file", {"path": "notes.txt"}))
    if "notes.txt" in asked:
        function = {"name": "read_file", "arguments": '{ "path": "notes.txt" }'}
        return whole(None, tool_calls=[{"id": "1", "type": "function", "function": function}])
    return stream(delta(content="ok")) if body.get("stream") else whole()


def statuses(record: Preflight) -> dict[str, str]:
    return {case.name: case.status for case in record.cases}


class TestLong:
    def test_a_server_that_can_do_everything(self) -> None:
        record = long(able, {"/v1/models": LLAMA_MODELS, "/props": LLAMA_PROPS})
        assert set(statuses(record).values()) == {"pass"}, record.cases
        assert (record.tools, record.vision, record.server) == (True, True, "llama.cpp b11549-abc")
        assert record.requests is not None
        assert record.requests <= 20
        details = {case.name: case.detail for case in record.cases}
        assert "temperature 0.8" in details["sampling"]
        assert "field reasoning" in details["reasoning_passed_back"]

    def test_a_model_that_the_server_does_not_list_is_named_with_what_it_lists(self) -> None:
        models = {"data": [{"id": "qwen-0.5b", "aliases": ["small"], "owned_by": "llamacpp"}]}
        record = long(able, {"/v1/models": models, "/props": LLAMA_PROPS})
        case = next(case for case in record.cases if case.name == "model")
        assert case.status == "warn"
        assert case.detail == "the server does not list m and answers all the same: it lists qwen-0.5b, small"
        assert case.remedy == "--model qwen-0.5b, or leave it out"
        server = next(case for case in record.cases if case.name == "server")
        assert server.detail == "llama.cpp b11549-abc serves qwen-0.5b"

    @pytest.mark.parametrize(
        ("entry", "status"),
        [
            ({"id": "m"}, "pass"),
            ({"id": "big", "aliases": ["m"]}, "pass"),
            ({"id": "m:latest"}, "pass"),
            ({"id": "*"}, "pass"),
            ({"id": "m2"}, "warn"),
            ({"id": 7, "aliases": "m"}, "unknown"),
        ],
    )
    def test_a_name_is_an_id_an_alias_a_tag_or_a_pattern(self, entry: dict[str, Any], status: str) -> None:
        record = long(able, {"/v1/models": {"data": [entry]}})
        assert statuses(record)["model"] == status

    def test_recorded_refusal_of_tools_names_the_flags_of_the_family(self) -> None:
        refusal = json.loads((DATA / "vllm/tools-refused.json").read_text())

        def answer(body: dict[str, Any]) -> tuple[int, bytes]:
            return (refusal["status"], json.dumps(refusal["response"]).encode()) if body.get("tools") else able(body)

        record = long(answer)
        case = next(case for case in record.cases if case.name == "tool_call")
        assert case.status == "fail"
        assert case.remedy == "vLLM: --enable-auto-tool-choice --tool-call-parser hermes"
        assert not record.tools
        # One refusal is enough: nothing else with tools is asked.
        assert statuses(record)["long_arguments"] == "unknown"
        assert statuses(record)["apis"] == "pass"

    def test_a_stream_that_loses_the_call_is_a_failure(self) -> None:
        def answer(body: dict[str, Any]) -> tuple[int, bytes]:
            lost = body.get("tools") and body["stream"] and "notes.txt" in str(body["messages"][-1])
            return stream(delta("stop")) if lost else able(body)

        record = long(answer)
        assert statuses(record)["tool_call"] == "fail"
        assert statuses(record)["streaming_agrees"] == "fail"

    def test_thoughts_in_the_text_name_the_reasoning_parser(self) -> None:
        def answer(body: dict[str, Any]) -> tuple[int, bytes]:
            thinks = body.get("tools") and "notes.txt" in str(body["messages"][-1])
            return stream(delta(content="<think>I should read it.")) if thinks else able(body)

        models = {"data": [{"id": "m", "owned_by": "vllm", "root": "Qwen/Qwen3-8B"}]}
        record = long(answer, {"/v1/models": models})
        case = next(case for case in record.cases if case.name == "call_after_reasoning")
        assert (case.status, case.remedy) == ("fail", "vLLM: --reasoning-parser qwen3")

    def test_what_is_not_told_is_unknown_and_no_pass(self) -> None:
        record = long(lambda body: fault(500, "boom"), {"/v1/models": {"data": [{"id": "m", "owned_by": "me"}]}})
        assert [name for name, status in statuses(record).items() if status == "pass"] == ["model"]
        assert {name for name, status in statuses(record).items() if status == "unknown"} >= {
            "server",
            "context",
            "sampling",
            "usage",
        }
        # The question without the picture is refused too: that says nothing of sight.
        assert record.vision is None
        assert statuses(record)["image"] == "unknown"

    def test_a_refused_image_is_no_vision_and_no_flag_is_guessed(self) -> None:
        def answer(body: dict[str, Any]) -> tuple[int, bytes]:
            shown = isinstance((body.get("messages") or [{}])[-1].get("content"), list)
            return fault(400, "At most 0 image(s)") if shown else able(body)

        record = long(answer)
        case = next(case for case in record.cases if case.name == "image")
        assert (record.vision, case.status, case.remedy) == (False, "warn", "")
        assert "At most 0 image(s)" in case.detail
        assert "onbox see" in case.detail

    def test_one_image_that_is_taken_and_not_read_proves_nothing(self) -> None:
        def answer(body: dict[str, Any]) -> tuple[int, bytes]:
            shown = isinstance((body.get("messages") or [{}])[-1].get("content"), list)
            return stream(delta(content="A nice picture.")) if shown else able(body)

        record = long(answer)
        assert record.vision is None
        assert statuses(record)["image"] == "unknown"

    def test_patience_ends(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(preflight, "PATIENCE_S", -1.0)
        record = long(able)
        assert set(statuses(record).values()) == {"unknown"}
        assert record.requests == 0


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


class TestRoomForTheAgent:
    @pytest.mark.parametrize(
        ("context", "agent", "status"),
        [
            (8192, "opencode", "warn"),
            (8192, "builtin", "pass"),
            (16384, "opencode", "pass"),
            (16384, "claude-code", "warn"),
            (8192, "mine", "unknown"),
            (None, "opencode", "unknown"),
        ],
    )
    def test_by_its_first_request(self, context: int | None, agent: str, status: str) -> None:
        entry = {"id": "m", "owned_by": "vllm", **({"max_model_len": context} if context else {})}

        def script(asked: Asked, wire: Wire) -> None:
            if asked.method == "GET":
                wire.whole(200, json.dumps({"data": [entry]} if asked.path == "/v1/models" else {}).encode())
            else:
                calls = asked.json().get("tools")
                wire.stream([reply(call_delta("bash", {"command": "ls"}) if calls else delta(content="Paris"))])

        room = preflight.AgentRoom(agent, OPENING_TOKENS.get(agent), 4096)
        with serving(script) as server, StampedClient(Endpoint.parse(server.url)) as client:
            found, _ = preflight.short(client, "m", list(DEFINITIONS), "own.jinja", room)
        (case,) = [case for case in found.cases if case.name == "context"]
        assert case.status == status
        if status == "warn":
            assert agent in case.detail
            assert "--max-model-len" in case.remedy

    def test_every_agent_that_comes_with_onbox_was_measured(self) -> None:
        assert set(OPENING_TOKENS) >= set(agent_names()) - {"template"}


class TestBrokenArguments:
    @pytest.mark.parametrize("arguments", BENT.values(), ids=list(BENT))
    def test_a_stream_that_breaks_them_is_a_failure_and_named(self, arguments: Callable[[str], str]) -> None:
        record = long(bent(arguments))
        cases = {case.name: case for case in record.cases}
        assert not record.tools
        assert statuses(record)["streaming_agrees"] == "fail"
        assert statuses(record)["tool_call"] == "fail"
        assert "without a stream they are whole: the stream loses them" in cases["tool_call"].detail
        assert "--stream-interval 1" in cases["tool_call"].remedy
        assert "#31501" in cases["tool_call"].remedy
        assert preflight.conclusion(record) == "No agent can work with it: calls come, and their arguments are broken"
        # Calls come, so a parser is set: it is never the advice.
        assert not any("--tool-call-parser" in case.remedy for case in record.cases)
        assert not any("--enable-auto-tool-choice" in case.remedy for case in record.cases)

    @pytest.mark.parametrize("arguments", BENT.values(), ids=list(BENT))
    def test_broken_both_ways(self, arguments: Callable[[str], str]) -> None:
        record = long(bent(arguments, streamed_only=False))
        assert statuses(record)["tool_call"] == "fail"
        assert "so they are without a stream" in next(c.detail for c in record.cases if c.name == "tool_call")
        assert not record.tools
        assert not any("--tool-call-parser" in case.remedy for case in record.cases)

    def test_a_value_that_parses_and_is_mangled(self) -> None:
        """A backslash is lost on the way: JSON that is right, and a file that is not."""
        record = long(bent(lambda arguments: arguments.replace("\\\\n", "")))
        assert statuses(record)["tool_call"] == "pass"
        assert statuses(record)["long_arguments"] == "fail"
        assert not record.tools

    def test_two_calls_under_one_id(self) -> None:
        def answer(body: dict[str, Any]) -> tuple[int, bytes]:
            status, sent = able(body)
            return status, sent.replace(b'"call1"', b'"call0"') if body.get("stream") else sent

        record = long(answer)
        assert statuses(record)["parallel_calls"] == "fail"


class TestNonsense:
    @pytest.mark.parametrize("text", ["!!!!!!!!" * 40, "the the the the", "\u0627\u4e2d x7 {{{", "a" * 2_000_000])
    def test_is_the_one_finding(self, text: str) -> None:
        record = long(lambda body: stream(delta(content=text)))
        assert record.cases[0].name == "coherence"
        assert record.cases[0].detail.startswith("it talks nonsense: ")
        assert {case.status for case in record.cases[1:]} == {"unknown"}
        assert not any(case.remedy for case in record.cases)
        assert (record.tools, record.vision, record.requests) == (False, None, 1)
        assert max(len(case.detail) for case in record.cases) < 700
        assert preflight.conclusion(record).startswith("No agent can work with it: it talks nonsense")


class TestWhatIsSet:
    SERVED = Served("vLLM", "0.26.0", ("m",), None, None, None)

    def advised(self, trouble: Trouble, model: str, *argv: str) -> str:
        served = replace(self.SERVED, options=options_of(argv))
        return remedy(trouble, served, model)

    def test_what_is_set_is_not_named(self) -> None:
        argv = ("vllm", "serve", "--enable_auto_tool_choice", "--tool-call-parser=hermes")
        told = self.advised(Trouble.LEAK, "Qwen3-8B", *argv)
        assert told == "vLLM: --reasoning-parser qwen3"
        told = self.advised(Trouble.LEAK, "Qwen2.5-7B", *argv)
        assert "hermes" not in told
        assert "--enable-auto" not in told
        assert told.startswith("vLLM: another version")

    def test_an_option_that_is_not_set_brings_no_fault_about(self) -> None:
        argv = ("vllm", "serve", "--enable-auto-tool-choice", "--tool-call-parser", "qwen3_coder")
        assert "--stream-interval" not in self.advised(Trouble.STREAM, "Qwen3-Coder", *argv)
        assert "--stream-interval 1" in self.advised(Trouble.STREAM, "Qwen3-Coder", *argv, "--stream-interval", "8")
        assert "#56077" in self.advised(Trouble.STREAM, "Qwen3-Coder", *argv, "--speculative-config", "{}x")

    def test_a_reasoning_parser_that_is_set(self) -> None:
        told = self.advised(Trouble.REASONING_IN_TEXT, "Qwen3-8B", "--reasoning-parser", "qwen3")
        assert "--reasoning-parser" not in told

    @pytest.mark.parametrize("faults", [VLLM_FAULTS, SGLANG_FAULTS], ids=["vLLM", "SGLang"])
    def test_every_fault_names_its_source_and_what_is_unknown(self, faults: tuple[ParserFault, ...]) -> None:
        for fault in faults:
            assert re.search(r"#\d{4,}", fault.source)
            for version in (fault.seen_in, fault.mended_in):
                assert version == "unknown" or re.fullmatch(r"\d+(\.\d+)+", version)


class TestWhoServes:
    @pytest.mark.parametrize(
        ("gets", "told"),
        [
            ({"/v1/models": VLLM_MODELS, "/version": {"version": "0.32.0"}}, ("vLLM", "0.32.0", 2048)),
            ({"/v1/models": LLAMA_MODELS, "/props": LLAMA_PROPS}, ("llama.cpp", "b11549-abc", 32768)),
            (
                {
                    "/v1/models": {"data": [{"id": "m", "owned_by": "sglang", "max_model_len": 4096}]},
                    "/server_info": {"version": "0.5.23"},
                },
                ("SGLang", "0.5.23", 4096),
            ),
            ({"/v1/models": {"data": [{"id": "m"}]}}, ("unknown", None, None)),
            ({"/v1/models": {"data": "odd"}}, ("unknown", None, None)),
            ({}, ("unknown", None, None)),
        ],
    )
    def test_by_what_it_says(self, gets: dict[str, Any], told: tuple[str, str | None, int | None]) -> None:
        def script(asked: Asked, wire: Wire) -> None:
            wire.whole(200 if asked.path in gets else 404, json.dumps(gets.get(asked.path, {})).encode())

        with serving(script) as server, StampedClient(Endpoint.parse(server.url)) as client:
            served = who_serves(client)
        assert served is not None
        assert (served.kind, served.version, served.context_tokens) == told

    def test_ollama_tells_of_a_model_elsewhere(self) -> None:
        gets = {"/v1/models": {"data": [{"id": "q", "owned_by": "library"}]}, "/api/version": {"version": "0.9.1"}}

        def script(asked: Asked, wire: Wire) -> None:
            shown = {"capabilities": ["completion", "vision"], "parameters": "temperature 0.6"}
            answer = shown if asked.path == "/api/show" else gets.get(asked.path)
            wire.whole(404 if answer is None else 200, json.dumps(answer).encode())

        with serving(script) as server, StampedClient(Endpoint.parse(server.url)) as client:
            served = who_serves(client)
        assert served is not None
        assert (str(served), served.vision, served.sampling) == (
            "Ollama 0.9.1", True, {"parameters": "temperature 0.6"}
        )  # fmt: skip


class TestRemedies:
    @pytest.mark.parametrize(
        ("model", "flag"),
        [
            ("openai/gpt-oss-120b", "--tool-call-parser openai --reasoning-parser openai_gptoss"),
            ("Qwen/Qwen3.6-35B-A3B", "--tool-call-parser qwen3_xml --reasoning-parser qwen3"),
            ("Qwen3-Coder-30B", "--tool-call-parser qwen3_xml"),
            ("Qwen2.5-Coder-7B", "--tool-call-parser hermes"),
            ("my-own-thing", "--tool-call-parser NAME, the one of this model"),
        ],
    )
    def test_vllm_by_family(self, model: str, flag: str) -> None:
        assert remedy(Trouble.LEAK, VLLM, model) == f"vLLM: --enable-auto-tool-choice {flag}"

    def test_a_version_that_is_too_old_is_named(self) -> None:
        old = Served("vLLM", "0.10.0", ("m",), None, None, None)
        assert remedy(Trouble.NO_CALL, old, "gpt-oss-20b").endswith("which came with vLLM 0.10.2; this is 0.10.0")

    @pytest.mark.parametrize("kind", ["llama.cpp", "Ollama", "vLLM", "SGLang"])
    @pytest.mark.parametrize("trouble", [each for each in Trouble if each is not Trouble.NO_USAGE])
    def test_every_server_has_an_answer(self, kind: str, trouble: Trouble) -> None:
        assert remedy(trouble, Served(kind, "1", ("m",), None, None, None), "gpt-oss").startswith(f"{kind}: ")

    def test_an_unknown_server_gets_no_advice(self) -> None:
        assert remedy(Trouble.LEAK, Served("unknown", None, (), None, None, None), "gpt-oss") == ""
        assert remedy(Trouble.LEAK, None, "gpt-oss") == ""

    def test_the_first_family_that_fits_is_the_narrowest(self) -> None:
        names = [
            "gpt-oss",
            "qwen3.5",
            "qwen3-coder",
            "qwen3",
            "qwen2.5",
            "llama-4",
            "llama-3.1",
            "granite-4",
            "granite",
        ]
        found = [next(n for n, family in enumerate(FAMILIES) if family[1].search(name)) for name in names]
        assert len(set(found)) == len(names)


class TestCommand:
    def test_json_contract_and_evidence(self, tmp_path: Path) -> None:
        out = tmp_path / "evidence"
        with scripted("leak") as url:
            done = onbox_here("preflight", url, "--out", out, "--json")
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        assert {"cases", "vision", "tools"} <= set(told)
        assert all({"name", "status", "detail"} <= set(case) for case in told["cases"])
        assert told["tools"] is False
        lines = (out / "preflight.jsonl").read_text().splitlines()
        assert len(lines) == told["requests"]
        kept = json.loads((out / "preflight.json").read_text())
        assert kept == {name: told[name] for name in kept}

    def test_for_people(self, tmp_path: Path) -> None:
        with scripted("good") as url:
            done = onbox_here("preflight", url, "--out", tmp_path / "one")
        assert re.search(r"^pass +tool_call$|^warn +tool_call$", done.stdout, re.MULTILINE), done.stdout
        assert max(map(len, done.stdout.splitlines())) <= 80 + len(str(tmp_path))

    def test_nobody_there(self, tmp_path: Path) -> None:
        done = onbox_here("preflight", "http://127.0.0.1:9", "--out", tmp_path / "one")
        assert (done.returncode, done.stderr.splitlines()[0]) == (
            3, "onbox: http://127.0.0.1:9: no server answers there"
        )  # fmt: skip

    def test_a_full_folder_is_not_overwritten(self, tmp_path: Path) -> None:
        (tmp_path / "x").write_text("mine")
        assert onbox_here("preflight", "http://127.0.0.1:9", "--out", tmp_path).returncode == 2
