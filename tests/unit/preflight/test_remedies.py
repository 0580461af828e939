"""Who serves, the flag that brings what is missing, and the command."""

import json
from typing import Any

import pytest

from onbox.engines.model_families import FAMILIES
from onbox.engines.served import RunningServer, who_serves
from onbox.preflight.remedies import Trouble, remedy
from onbox.wire.client import StampedClient
from onbox.wire.endpoint import Endpoint
from tests.doubles.server import ReceivedRequest, Wire, serving
from tests.unit.preflight.servers import LLAMA_MODELS, LLAMA_PROPS, VLLM_MODELS

VLLM = RunningServer("vLLM", "0.32.0", ("m",), 2048, None, None)


class TestWhoServes:
    @pytest.mark.parametrize(
        ("gets", "report"),
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
    def test_by_what_it_says(self, gets: dict[str, Any], report: tuple[str, str | None, int | None]) -> None:
        def script(request: ReceivedRequest, wire: Wire) -> None:
            wire.whole(200 if request.path in gets else 404, json.dumps(gets.get(request.path, {})).encode())

        with serving(script) as server, StampedClient(Endpoint.parse(server.url)) as client:
            served = who_serves(client)
        assert served is not None
        assert (served.kind, served.version, served.context_tokens) == report

    def test_ollama_has_advice_for_a_model_elsewhere(self) -> None:
        gets = {"/v1/models": {"data": [{"id": "q", "owned_by": "library"}]}, "/api/version": {"version": "0.9.1"}}

        def script(request: ReceivedRequest, wire: Wire) -> None:
            shown = {"capabilities": ["completion", "vision"], "parameters": "temperature 0.6"}
            answer = shown if request.path == "/api/show" else gets.get(request.path)
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
        old = RunningServer("vLLM", "0.10.0", ("m",), None, None, None)
        assert remedy(Trouble.NO_CALL, old, "gpt-oss-20b").endswith("which came with vLLM 0.10.2; this is 0.10.0")

    @pytest.mark.parametrize("kind", ["llama.cpp", "Ollama", "vLLM", "SGLang"])
    @pytest.mark.parametrize("trouble", [each for each in Trouble if each is not Trouble.NO_USAGE])
    def test_every_server_has_an_answer(self, kind: str, trouble: Trouble) -> None:
        assert remedy(trouble, RunningServer(kind, "1", ("m",), None, None, None), "gpt-oss").startswith(f"{kind}: ")

    def test_an_unknown_server_gets_no_advice(self) -> None:
        assert remedy(Trouble.LEAK, RunningServer("unknown", None, (), None, None, None), "gpt-oss") == ""
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
