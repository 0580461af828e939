"""`onbox speed` against real engines: witnesses that agree, traffic that is not ours, a server that dies in mid-stream.

The machine that runs the tests may be busy: nothing here asks whether a number is valid, only what it must be by
conservation and by agreement.
"""

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from onbox import recipes
from onbox.engines.llama.embedded import LlamaEmbedded
from onbox.evidence.folder import read_lines
from onbox.evidence.records import Exchange
from onbox.evidence.replies import read_reply
from onbox.fetch import pinned
from onbox.launch.lifetime import Lifetime
from onbox.wire.client import StampedClient
from onbox.wire.endpoint import Endpoint
from tests.e2e.cli import onbox

pytestmark = pytest.mark.engine

SHORT = ("--requests", 4, "--tokens", 64, "--at-least", 0)


def small(folder: Path) -> Lifetime:
    """The smallest model on the embedded engine, one thread."""
    recipe = recipes.load("smollm2-135m")
    recipe = recipe.model_copy(update={"serve": recipe.serve.model_copy(update={"threads": 1})})
    assert recipe.weights is not None
    weights, _ = pinned.fetch(recipe.weights, lambda done, total, source: None)
    return Lifetime(recipe, LlamaEmbedded(), weights, folder)


@pytest.fixture(scope="module")
def llama_small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lifetime]:
    with small(tmp_path_factory.mktemp("small")) as life:
        yield life


def speed(url: object, folder: Path, *more: object) -> dict[str, Any]:
    done = onbox("speed", url, "--out", folder, "--json", *SHORT, *more, timeout_s=200)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def checks(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {check["id"]: check for check in report["checks"]}


def passed(report: dict[str, Any], *ids: str) -> None:
    found = checks(report)
    assert {id: found[id]["status"] for id in ids} == dict.fromkeys(ids, "pass"), [found[id]["hint"] for id in ids]


def while_measured(folder: Path, then: Callable[[], object]) -> threading.Thread:
    """Does something once, when the first measured request has ended."""

    def watch() -> None:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            found = next(folder.glob("*/speed/1/requests.jsonl"), None)
            if found and any(line["purpose"] == "measured" for line in read_lines(found)):
                then()
                return
            time.sleep(0.02)

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


def hammer(endpoint: Endpoint, model: str, counted: list[int]) -> Callable[[], None]:
    """A second client that asks three times, and counts the tokens of each answer, which may end early."""

    def ask() -> None:
        with StampedClient(endpoint) as client:
            for n in range(3):
                body = {"model": model, "prompt": f"{n} other words, by somebody else", "max_tokens": 12}
                exchange = client.post("/completions", body, purpose="probe")
                assert exchange.status == 200
                counted.append(json.loads(exchange.body())["usage"]["completion_tokens"])

    return ask


CONSERVED = ("COMPLETE", "COUNTER_RESET", "STRAY_TRAFFIC", "TOKEN_RESIDUAL", "USAGE", "STREAM_ERROR", "PREEMPTIONS")


class TestLlamaCpp:
    def test_three_witnesses_agree(self, llama_small: Lifetime, tmp_path: Path) -> None:
        result = speed(llama_small.endpoint, tmp_path / "out")
        passed(result, *CONSERVED, "WITNESSES_AGREE", "PREFIX_CACHE", "ASLEEP", "GPU_SHARED")
        assert all(witness["tok_s"] for witness in result["witnesses"])
        assert checks(result)["WITNESSES_AGREE"]["observed"] <= 2.0
        assert checks(result)["COHERENCE"]["status"] in ("pass", "fail"), "it was asked, in the same life of the server"
        assert 0 < checks(result)["CLIENT_CPU"]["observed"] < 80
        assert checks(result)["CLIENT_LAG"]["observed"] is not None
        assert checks(result)["FOREIGN_CPU"]["observed"] is not None
        assert result["cold_tok_s"] > 0

    def test_a_second_client_is_named(self, llama_small: Lifetime, tmp_path: Path) -> None:
        counted: list[int] = []
        other = while_measured(tmp_path / "out", hammer(llama_small.endpoint, llama_small.model, counted))
        result = speed(llama_small.endpoint, tmp_path / "out")
        other.join()
        assert len(counted) == 3
        assert (result["status"], result["decode_tok_s"]) == ("invalid", None)
        stray = checks(result)["STRAY_TRAFFIC"]
        assert stray["status"] == "fail"
        assert f"prompt tokens and {sum(counted)} output tokens" in stray["observed"]
        assert checks(result)["TOKEN_RESIDUAL"]["observed"] == sum(counted)

    def test_a_server_that_serves_one_at_a_time_is_found_out(self, llama_small: Lifetime, tmp_path: Path) -> None:
        result = speed(llama_small.endpoint, tmp_path / "out", "--concurrency", "2", "--requests", 2)
        both = result["cells"][0]
        assert checks(both)["ALL_ACTIVE"]["status"] == "fail"
        assert (both["status"], both["decode_tok_s"], both["system_tok_s"]) == ("invalid", None, None)

    def test_a_server_that_is_killed_in_mid_stream(self, tmp_path: Path) -> None:
        with small(tmp_path / "engine") as life:
            assert life.pid is not None
            pid = life.pid

            def kill() -> None:
                # The next request has begun a moment ago; at the pace of the first it is in its tokens by now.
                (record,) = (tmp_path / "out").glob("*/speed/1/requests.jsonl")
                first = next(line for line in read_lines(record) if line["purpose"] == "measured")
                time.sleep(0.4 * first["ended_ns"] / 1e9)
                os.kill(pid, signal.SIGKILL)

            killer = while_measured(tmp_path / "out", kill)
            result = speed(life.endpoint, tmp_path / "out", "--tokens", 400, "--requests", 4)
            killer.join()
        assert (result["status"], result["decode_tok_s"]) == ("invalid", None)
        assert {"COMPLETE", "STREAM_ERROR"} <= {id for id, found in checks(result).items() if found["status"] == "fail"}
        (record,) = (tmp_path / "out").glob("*/speed/1/requests.jsonl")
        last = Exchange.model_validate(list(read_lines(record))[-1])
        assert last.purpose == "measured"
        assert last.error
        assert last.chunks, "what had come before is kept"
        assert onbox("verify", tmp_path / "out").returncode == 0


def seen_speed(vllm: str, folder: Path) -> dict[str, Any]:
    """A measurement in which the client saw the tokens come, the last of three at most.

    vLLM's scheduler and its worker spin on two processors, and the process that sends the tokens waits for one, on some
    boxes until a reply is over. Such a reply is named, and gives no number.
    """
    for n in range(3):
        result = speed(vllm, folder / str(n), "--concurrency", "1,2")
        unseen = [witness["name"] for witness in result["witnesses"] if not witness["tok_s"]]
        if not unseen:
            (folder / str(n)).rename(folder / "out")
            return result
        assert unseen == ["client_bursts"], result["witnesses"]
        assert checks(result)["ONE_SHOT"]["status"] == "fail"
        assert (result["status"], result["decode_tok_s"]) == ("invalid", None)
        engine = [witness["tok_s"] for witness in result["witnesses"] if witness["tok_s"]]
        assert max(engine) < 1.01 * min(engine)
    pytest.fail(f"in three measurements a reply came at once: {checks(result)['CLIENT_LAG']}")


@pytest.mark.vllm
@pytest.mark.slow
@pytest.mark.timeout(420)
class TestVllm:
    def test_three_witnesses_agree_on_one_request_and_on_two_at_a_time(self, vllm: str, tmp_path: Path) -> None:
        result = seen_speed(vllm, tmp_path)
        passed(result, *CONSERVED, "WITNESSES_AGREE", "PREFIX_CACHE")
        assert checks(result)["WITNESSES_AGREE"]["observed"] <= 1.0
        sent = next((tmp_path / "out").glob("*/speed/1/requests.jsonl"))
        last = read_reply(Exchange.model_validate(list(read_lines(sent))[-1]))
        assert last.token_ids == last.completion_tokens == 64
        both, again = result["cells"]
        assert (both["profile"]["concurrency"], again["profile"]["concurrency"]) == (2, 1)
        passed(both, *CONSERVED, "ALL_ACTIVE", "WITNESSES_AGREE")
        each = next(witness["tok_s"] for witness in both["witnesses"])
        if both["system_tok_s"] is not None:
            assert 1.5 * each < both["system_tok_s"] < 2.5 * each

    def test_a_second_client_is_named(self, vllm: str, tmp_path: Path) -> None:
        other = while_measured(tmp_path / "out", hammer(Endpoint.parse(vllm), "smollm2", []))
        result = speed(vllm, tmp_path / "out", "--tokens", 32)
        other.join()
        assert result["status"] == "invalid"
        assert checks(result)["STRAY_TRAFFIC"]["observed"].startswith("3 requests, ")
