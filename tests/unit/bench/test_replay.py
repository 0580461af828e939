"""A run that ended without a call is asked again: which runs, what is sent, and for how long."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from onbox.bench.replay import Replayer, ambiguous
from onbox.evidence.folder import read_lines
from onbox.evidence.records import Exchange, ReplayPlan
from onbox.judge.runs.replays import ReplayOutcome, replayed
from onbox.wire.endpoint import Endpoint
from tests.builders import LEAK
from tests.doubles.server import ReceivedRequest, Wire, serving
from tests.exchanges import call_delta, call_reply, chat_request, delta, event, plain_reply, text_reply

WORDS = text_reply("All references have been renamed.", request=chat_request(seed=100, max_tokens=64, temperature=0.5))


class TestWhichRuns:
    def test_words_alone_and_thoughts_alone(self) -> None:
        thought = text_reply("", reasoning="Let me call bash.")
        assert ambiguous([WORDS]) == WORDS
        assert ambiguous([call_reply(), thought]) == thought

    @pytest.mark.parametrize(
        "exchanges",
        [
            [],
            [text_reply("TCP opens with SYN.", request=chat_request(tools=()))],
            [call_reply(), text_reply("Done.", id=2)],
            [call_reply()],
            [text_reply(LEAK)],
            [text_reply("", completion_tokens=50)],
            [text_reply("and so on", finish_reason="length")],
            [text_reply("", finish_reason="tool_calls")],
            [plain_reply(500, {"error": {"message": "boom"}})],
            [WORDS.model_copy(update={"purpose": "side"})],
        ],
    )
    def test_not_where_the_bytes_say_who_failed(self, exchanges: list[Exchange]) -> None:
        assert ambiguous(exchanges) is None


def asked_again(
    tmp_path: Path, plan: ReplayPlan, kind: str, raw: str, streamed: str = "", stall_s: float = 0.0
) -> tuple[Replayer, list[Exchange], list[dict[str, Any]]]:
    """A server of a kind that answers in words, whose raw text is `raw`; what it was asked, past its probes."""
    owner = {"llama.cpp": "llamacpp", "old sglang": "sglang", "ollama": "library", "old ollama": "library"}.get(
        kind, kind
    )

    def script(request: ReceivedRequest, wire: Wire) -> None:
        path = request.path
        if path == "/v1/models":
            wire.whole(200, json.dumps({"data": [{"id": "m", "owned_by": owner}]}).encode())
        elif request.method == "GET":
            wire.whole(404, b"{}")
        elif path == "/apply-template" and kind == "llama.cpp":
            wire.whole(200, b'{"prompt": "<|user|>"}')
        elif path == "/v1/chat/completions/render" and kind == "vllm":
            wire.whole(200, b'{"token_ids": [1, 2, 3]}')
        elif kind == "sglang" and request.json().get("return_prompt_token_ids"):
            choice = {"message": {"content": "D"}, "finish_reason": "length", "prompt_token_ids": [1, 2, 3]}
            wire.whole(200, {"choices": [choice]})
        elif kind == "ollama" and request.json().get("_debug_render_only"):
            wire.whole(200, {"choices": [], "_debug_info": {"rendered_template": "<|user|>"}})
        elif path == "/generate":
            wire.whole(200, {"text": raw, "meta_info": {"completion_tokens": 3}})
        elif path == "/api/generate":
            wire.whole(200, {"response": raw, "done": True})
        elif path == "/completion":
            wire.whole(200, json.dumps({"content": raw}).encode())
        elif path == "/v1/completions":
            wire.whole(200, json.dumps({"choices": [{"text": raw, "finish_reason": "stop"}]}).encode())
        elif path != "/v1/chat/completions":
            wire.whole(404, b"{}")
        elif request.json()["stream"]:
            time.sleep(stall_s)
            wire.stream([(streamed or delta(content="Done.")).encode(), event("[DONE]").encode()])
        else:
            wire.whole(
                200, json.dumps({"choices": [{"message": {"content": "Done."}, "finish_reason": "stop"}]}).encode()
            )

    with serving(script) as server:
        replayer = Replayer(Endpoint.parse(server.url), plan)
        end = replayer.settle([WORDS], tmp_path / "replay.jsonl")
        assert end is not None
        bodies = [{"path": each.path, **each.json()} for each in server.requests if each.method == "POST"]
    exchanges = [Exchange.model_validate(line) for line in read_lines(tmp_path / "replay.jsonl")]
    return replayer, exchanges, bodies


class TestWhatIsSent:
    @pytest.mark.parametrize(
        ("kind", "rendered"), [("llama.cpp", "/apply-template"), ("vllm", "/v1/chat/completions/render")]
    )
    def test_rounds_with_a_seed_of_their_own(self, tmp_path: Path, kind: str, rendered: str) -> None:
        _, exchanges, bodies = asked_again(tmp_path, ReplayPlan(rounds=2), kind, raw="Done.")
        assert [each.purpose for each in exchanges] == [
            "replay-prompt", *["replay", "replay-flipped", "replay-raw"] * 2
        ]  # fmt: skip
        assert bodies[0]["path"] == rendered
        # The first is the recorded request itself.
        assert exchanges[1].request == WORDS.request
        assert [body.get("seed") for body in bodies[1:]] == [100, 100, 100, 101, 101, 101]
        assert [body.get("stream") for body in bodies[1:4]] == [True, False, False]
        raw = exchanges[3].request
        assert raw["temperature"] == 0.5
        assert (raw["prompt"], raw["n_predict"]) == ("<|user|>", 64) if kind == "llama.cpp" else (
            raw["prompt"], raw["max_tokens"]
        ) == ([1, 2, 3], 64)  # fmt: skip
        judged = replayed(exchanges, ["bash"])
        assert judged is not None
        assert judged.settled is ReplayOutcome.NEVER_TRIED

    def test_past_the_parser_of_sglang(self, tmp_path: Path) -> None:
        """As the source of SGLang has it; none has ever been asked."""
        _, exchanges, bodies = asked_again(tmp_path, ReplayPlan(rounds=2), "sglang", raw="Done.")
        found, raw = bodies[0], [body for body in bodies if body["path"] == "/generate"]
        assert (found["path"], found["max_tokens"], found["stream"]) == ("/v1/chat/completions", 1, False)
        assert found["messages"] == WORDS.request["messages"]
        assert found["tools"] == WORDS.request["tools"]
        assert "stream_options" not in found
        sampling = {"temperature": 0.5, "max_new_tokens": 64, "skip_special_tokens": False}
        assert [body["sampling_params"] for body in raw] == [
            {**sampling, "sampling_seed": 100}, {**sampling, "sampling_seed": 101}
        ]  # fmt: skip
        assert {tuple(body["input_ids"]) for body in raw} == {(1, 2, 3)}
        judged = replayed(exchanges, ["bash"])
        assert judged is not None
        assert judged.settled is ReplayOutcome.NEVER_TRIED

    def test_past_the_parser_of_ollama(self, tmp_path: Path) -> None:
        """As the source of Ollama has it; none has ever been asked."""
        _, exchanges, bodies = asked_again(tmp_path, ReplayPlan(rounds=2), "ollama", raw="Done.")
        bodies = [body for body in bodies if body["path"] != "/api/show"]
        found, raw = bodies[0], [body for body in bodies if body["path"] == "/api/generate"]
        assert (found["path"], found["max_tokens"], found["stream"]) == ("/v1/chat/completions", 1, False)
        options = {"num_predict": 64, "temperature": 0.5, "top_p": 1.0}
        assert [body["options"] for body in raw] == [{**options, "seed": 100}, {**options, "seed": 101}]
        assert {(body["prompt"], body["raw"], body["model"]) for body in raw} == {("<|user|>", True, "default")}
        judged = replayed(exchanges, ["bash"])
        assert judged is not None
        assert judged.settled is ReplayOutcome.NEVER_TRIED

    @pytest.mark.parametrize("kind", ["llama.cpp", "vllm", "sglang", "ollama"])
    def test_a_call_in_the_raw_text_was_dropped(self, tmp_path: Path, kind: str) -> None:
        _, exchanges, _ = asked_again(tmp_path, ReplayPlan(rounds=2), kind, raw=LEAK)
        judged = replayed(exchanges, ["bash"])
        assert judged is not None
        assert judged.settled is ReplayOutcome.DROPPED
        assert "past the parser 2 of 2" in judged.detail

    def test_a_call_that_arrives(self, tmp_path: Path) -> None:
        call = call_delta("bash", {"command": "ls"})
        _, exchanges, _ = asked_again(tmp_path, ReplayPlan(rounds=1), "other", raw="", streamed=call)
        judged = replayed(exchanges, ["bash"])
        assert judged is not None
        assert judged.settled is ReplayOutcome.CALLS_ARRIVE

    @pytest.mark.parametrize("kind", ["other", "old sglang", "old ollama"])
    def test_a_server_with_no_road_past_its_parser(self, tmp_path: Path, kind: str) -> None:
        """An older SGLang or Ollama takes no notice of the question, and answers."""
        _, exchanges, _ = asked_again(tmp_path, ReplayPlan(rounds=2), kind, raw="")
        tried = [] if kind == "other" else ["replay-prompt"]
        assert [each.purpose for each in exchanges] == [*tried, *["replay", "replay-flipped"] * 2]
        judged = replayed(exchanges, ["bash"])
        assert judged is not None
        assert judged.settled is ReplayOutcome.OPEN


class TestForHowLong:
    def test_the_time_of_a_contender_ends_in_whole_rounds(self, tmp_path: Path) -> None:
        plan = ReplayPlan(rounds=50, contender_s=0.5)
        replayer, exchanges, _ = asked_again(tmp_path, plan, "other", raw="", stall_s=0.2)
        assert 1 <= len(exchanges) <= 8
        spent = replayer.spent_s
        assert spent >= 0.5
        end = replayer.settle([WORDS], tmp_path / "second.jsonl")
        assert end is not None
        assert (end.rounds, end.ended) == (0, "no time was left")
        assert not (tmp_path / "second.jsonl").exists()

    def test_the_time_ends_an_answer_that_goes_on_and_on(self, tmp_path: Path) -> None:
        """A 4096-token answer of a busy server once took 261 s of the two minutes."""

        def endless(request: ReceivedRequest, wire: Wire) -> None:
            if request.method == "GET":
                wire.whole(404, b"{}")
            else:
                wire.stream((delta(content="on ").encode() for _ in range(400)), gap_s=0.05)

        path, began = tmp_path / "replay.jsonl", time.monotonic()
        with serving(endless) as server:
            replayer = Replayer(Endpoint.parse(server.url), ReplayPlan(rounds=5, contender_s=2.0))
            end = replayer.settle([WORDS], path)
        assert time.monotonic() - began < 10
        assert end is not None
        assert (end.rounds, end.ended) == (0, "its time was over")
        cut = [Exchange.model_validate(line) for line in read_lines(path)]
        assert [(each.status, bool(each.error)) for each in cut] == [(200, True)]
        assert replayed(cut, ("bash",)) is None

    def test_nothing_is_asked_where_the_plan_says_none(self, tmp_path: Path) -> None:
        nobody = Replayer(Endpoint.parse("http://127.0.0.1:9"), ReplayPlan(rounds=0))
        assert nobody.settle([WORDS], tmp_path / "replay.jsonl") is None
