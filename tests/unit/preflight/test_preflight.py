"""The questions that come before the work: what is missing is found."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from onbox import preflight
from onbox.bench.agents import OPENING_TOKENS, agent_names
from onbox.bench.tools import DEFINITIONS
from onbox.engines.parser_faults import ParserFault
from onbox.engines.served import RunningServer, options_of
from onbox.engines.sglang.parser_faults import FAULTS as SGLANG_FAULTS
from onbox.engines.vllm.parser_faults import FAULTS as VLLM_FAULTS
from onbox.preflight.agent_room import AgentRoom
from onbox.preflight.remedies import Trouble, remedy
from onbox.wire.client import StampedClient
from onbox.wire.endpoint import Endpoint
from tests.doubles.server import ReceivedRequest, Wire, serving
from tests.exchanges import call_delta, delta
from tests.unit.preflight.servers import LLAMA_MODELS, LLAMA_PROPS, able, long, reply, statuses, stream

DATA = Path(__file__).parents[2] / "data"


def fault(status: int, message: str) -> tuple[int, bytes]:
    return status, json.dumps({"error": {"message": message}}).encode()


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

    def test_what_is_not_reported_is_unknown_and_no_pass(self) -> None:
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

        def script(request: ReceivedRequest, wire: Wire) -> None:
            if request.method == "GET":
                wire.whole(200, json.dumps({"data": [entry]} if request.path == "/v1/models" else {}).encode())
            else:
                calls = request.json().get("tools")
                wire.stream([reply(call_delta("bash", {"command": "ls"}) if calls else delta(content="Paris"))])

        room = AgentRoom(agent, OPENING_TOKENS.get(agent), 4096)
        with serving(script) as server, StampedClient(Endpoint.parse(server.url)) as client:
            found, _ = preflight.short(client, "m", list(DEFINITIONS), "own.jinja", room)
        (case,) = [case for case in found.cases if case.name == "context"]
        assert case.status == status
        if status == "warn":
            assert agent in case.detail
            assert "--max-model-len" in case.remedy

    def test_every_agent_that_comes_with_onbox_was_measured(self) -> None:
        assert set(OPENING_TOKENS) >= set(agent_names()) - {"template"}


class TestNonsense:
    @pytest.mark.parametrize("text", ["!!!!!!!!" * 40, "the the the the", "\u0627\u4e2d x7 {{{", "a" * 2_000_000])
    def test_is_the_one_finding(self, text: str) -> None:
        record = long(lambda body: stream(delta(content=text)))
        assert record.cases[0].name == "coherence"
        assert record.cases[0].detail.startswith("its replies are nonsense: ")
        assert {case.status for case in record.cases[1:]} == {"unknown"}
        assert not any(case.remedy for case in record.cases)
        assert (record.tools, record.vision, record.requests) == (False, None, 1)
        assert max(len(case.detail) for case in record.cases) < 700
        assert preflight.conclusion(record).startswith("No agent can work with it: its replies are nonsense")


class TestWhatIsSet:
    SERVED = RunningServer("vLLM", "0.26.0", ("m",), None, None, None)

    def advised(self, trouble: Trouble, model: str, *argv: str) -> str:
        served = replace(self.SERVED, options=options_of(argv))
        return remedy(trouble, served, model)

    def test_what_is_set_is_not_named(self) -> None:
        argv = ("vllm", "serve", "--enable_auto_tool_choice", "--tool-call-parser=hermes")
        result = self.advised(Trouble.LEAK, "Qwen3-8B", *argv)
        assert result == "vLLM: --reasoning-parser qwen3"
        result = self.advised(Trouble.LEAK, "Qwen2.5-7B", *argv)
        assert "hermes" not in result
        assert "--enable-auto" not in result
        assert result.startswith("vLLM: another version")

    def test_an_option_that_is_not_set_brings_no_fault_about(self) -> None:
        argv = ("vllm", "serve", "--enable-auto-tool-choice", "--tool-call-parser", "qwen3_coder")
        assert "--stream-interval" not in self.advised(Trouble.STREAM, "Qwen3-Coder", *argv)
        assert "--stream-interval 1" in self.advised(Trouble.STREAM, "Qwen3-Coder", *argv, "--stream-interval", "8")
        assert "#56077" in self.advised(Trouble.STREAM, "Qwen3-Coder", *argv, "--speculative-config", "{}x")

    @pytest.mark.parametrize("kind", ["vLLM", "SGLang", "llama.cpp"])
    @pytest.mark.parametrize("trouble", [each for each in Trouble if each not in (Trouble.STREAM, Trouble.ARGUMENTS)])
    @pytest.mark.parametrize("model", ["Qwen3-8B", "gpt-oss-20b", "my-own-thing"])
    def test_no_setting_is_advised_that_is_there(self, kind: str, trouble: Trouble, model: str) -> None:
        """Of an option whose value is at fault it says that it is to be another, and not which it is."""
        bare = RunningServer(kind, "0.26.0", ("m",), None, None, None)
        result = remedy(trouble, replace(bare, options={}), model)
        settings = re.findall(r"(--[a-z-]+) ?([a-z0-9][a-z0-9_-]*(?=[ ,;)]|$))?", result)
        given = {option: "" if value in (None, "and", "that") else value for option, value in settings}
        again = remedy(trouble, replace(bare, options=given), model)
        for option, value in given.items():
            other = re.search(rf"(?:another|larger|smaller|lower) {option}\b", again)
            assert option not in again or other or f"{option} alone" in again, (result, again)
            assert not value or value not in again.split(), (result, again)

    def test_the_parser_at_fault_is_not_named(self) -> None:
        argv = ("vllm", "serve", "--enable-auto-tool-choice", "--tool-call-parser", "pythonic")
        result = self.advised(Trouble.LEAK, "my-own-thing", *argv)
        assert result == "vLLM: another --tool-call-parser, the one of this model"

    def test_a_reasoning_parser_that_is_set(self) -> None:
        result = self.advised(Trouble.REASONING_IN_TEXT, "Qwen3-8B", "--reasoning-parser", "qwen3")
        assert "--reasoning-parser" not in result

    @pytest.mark.parametrize("faults", [VLLM_FAULTS, SGLANG_FAULTS], ids=["vLLM", "SGLang"])
    def test_every_fault_names_its_source_and_what_is_unknown(self, faults: tuple[ParserFault, ...]) -> None:
        for fault in faults:
            assert re.search(r"#\d{4,}", fault.source)
            for version in (fault.seen_in, fault.mended_in):
                assert version == "unknown" or re.fullmatch(r"\d+(\.\d+)+", version)
