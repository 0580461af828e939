"""Real servers asked again, also past their parsers: what they drop is told from what the model never tried."""

from pathlib import Path

import pytest

from onbox.bench.replay import Replayer
from onbox.evidence.folder import read_lines
from onbox.evidence.records import Exchange, ReplayEnd, ReplayPlan
from onbox.judge.runs.replays import ReplayOutcome, ReplayResult, replayed
from onbox.preflight.calls import READ, TOOLS
from onbox.wire.endpoint import Endpoint
from tests.engine.conftest import OWN, Llama
from tests.exchanges import chat_request, text_reply

ROUNDS = 2
PLAN = ReplayPlan(rounds=ROUNDS, contender_s=180)
SYSTEM = {"role": "system", "content": "You are a coding agent. Use the tools to do what the user asks."}


def asked_again(url: str, model: str, text: str, folder: Path) -> tuple[ReplayEnd, ReplayResult]:
    """The request of an agent that got words for an answer, sent again to a real server."""
    request = chat_request(
        tools=TOOLS,
        model=model,
        messages=[SYSTEM, {"role": "user", "content": text}],
        max_tokens=48,
        temperature=0.2,
        seed=7,
    )
    words = text_reply("Certainly.", request=request)
    end = Replayer(Endpoint.parse(url), PLAN).settle([words], folder / "replay.jsonl")
    assert end is not None
    assert (end.rounds, end.ended) == (ROUNDS, "complete"), end
    exchanges = [Exchange.model_validate(line) for line in read_lines(folder / "replay.jsonl")]
    # vLLM keeps /render behind --enable-scale-out; /tokenize does as well.
    assert {each.status for each in exchanges if each.purpose != "replay-prompt"} == {200}
    judged = replayed(exchanges, [tool["function"]["name"] for tool in TOOLS])
    assert judged is not None
    return end, judged


@pytest.mark.engine
@pytest.mark.slow
def test_llama_with_the_models_own_template_drops_the_calls_it_writes(llama: Llama, tmp_path: Path) -> None:
    end, judged = asked_again(llama(OWN), "qwen2.5-coder-0.5b", READ, tmp_path)
    assert end.raw_route == "llama.cpp, /apply-template and /completion"
    assert judged.settled is ReplayOutcome.DROPPED, judged.detail


@pytest.mark.vllm
@pytest.mark.slow
def test_a_model_behind_vllm_that_never_tries(vllm: str, tmp_path: Path) -> None:
    end, judged = asked_again(vllm, "smollm2", "Say hello.", tmp_path)
    assert end.raw_route == "vLLM, tokenize and /v1/completions"
    assert judged.settled is ReplayOutcome.NEVER_TRIED, judged.detail
    assert judged.bound == pytest.approx(1 - 0.05 ** (1 / ROUNDS))
