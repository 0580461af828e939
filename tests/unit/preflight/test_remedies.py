"""Who serves, the flag that brings what is missing, and the command."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from onbox.engines.model_families import FAMILIES
from onbox.engines.served import RunningServer, who_serves
from onbox.preflight.remedies import Trouble, remedy
from onbox.wire.client import StampedClient
from onbox.wire.endpoint import Endpoint
from tests.doubles.server import Asked, Wire, serving
from tests.e2e.cli import onbox_here, scripted
from tests.unit.preflight.servers import LLAMA_MODELS, LLAMA_PROPS, VLLM_MODELS

VLLM = RunningServer("vLLM", "0.32.0", ("m",), 2048, None, None)


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
