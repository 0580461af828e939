"""What engines say of their own speed: recorded counters and streams, and the names of engines that are not here."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from onbox.engines.profiles import BUILTIN
from onbox.evidence.replies import read_reply
from onbox.judge.speed.engine_reported import drafted, engine_time, reported_tokens
from onbox.judge.speed.metrics import START_TIME, Counters, difference, parse
from onbox.protocol.reply import Reply
from onbox.schema.engine_profile import CounterNames
from tests.exchanges import event, streamed

DATA = Path(__file__).parents[3] / "data"


def recorded(engine: str, when: str) -> dict[str, float]:
    values = parse((DATA / engine / f"{when}.prom").read_text())
    assert values is not None
    return values


def counted(**after: float) -> Counters:
    """What two scrapes say when each counter was 1 at the first; `_` in a keyword stands for the prefix's colon."""
    named = {name.replace("__", ":"): value for name, value in after.items()}
    found = difference(dict.fromkeys(named, 1.0), {name: 1.0 + value for name, value in named.items()})
    assert found is not None
    return found


def rate(found: Counters, requests: int) -> float | None:
    if found.decoded is None or not found.decode_s:
        return None
    return (found.decoded - (requests if found.firsts is None else found.firsts)) / found.decode_s


class TestVllm:
    def test_counters_of_three_requests(self) -> None:
        """vLLM 0.32.0 on a processor; its own accounts of the same requests stand in the streams beside them."""
        found = difference(recorded("vllm", "speed-before"), recorded("vllm", "speed-after"))
        assert found is not None
        assert (found.generated, found.requests, found.prompt, found.preemptions) == (139, 3, 41, 0)
        assert (found.decoded, found.firsts, found.cached, found.queried) == (139, 3, 0, 41)
        assert (found.drafts, found.accepted) == (None, None), "no speculation: not there, and not zero"
        lines = [engine_time(stream(name)) for name in ("completion-1", "completion-2", "chat-stream")]
        tokens, seconds = (sum(column) for column in zip(*(each for each in lines if each), strict=True))
        assert (tokens, seconds) == (136, pytest.approx(found.decode_s, rel=1e-6))
        assert rate(found, 3) == pytest.approx(tokens / seconds)

    def test_token_ids_count_what_usage_says(self) -> None:
        reply = stream("completion-1")
        assert (reply.completion_tokens, reply.token_ids, reply.finish_reason) == (64, 64, "length")
        assert reported_tokens(reply) == [("its token ids", 64)]

    def test_without_the_seconds_of_requests_the_gaps_between_tokens_serve(self) -> None:
        before, after = recorded("vllm", "speed-before"), recorded("vllm", "speed-after")
        whole = difference(before, after)
        gone = "vllm:request_decode_time_seconds_sum"
        less = [{name: v for name, v in each.items() if name != gone} for each in (before, after)]
        found = difference(less[0], less[1])
        assert whole is not None
        assert found is not None
        assert (found.decoded, found.firsts) == (136, 0)
        assert rate(found, 3) == pytest.approx(rate(whole, 3))

    @pytest.mark.parametrize("name", ["inter_token_latency", "time_per_output_token"])
    def test_the_names_of_older_versions(self, name: str) -> None:
        old = {
            "vllm:generation_tokens_total": 400.0,
            f"vllm:{name}_seconds_count": 396.0,
            f"vllm:{name}_seconds_sum": 9.9,
            "vllm:gpu_prefix_cache_hits_total": 3.0,
            "vllm:gpu_prefix_cache_queries_total": 100.0,
        }
        found = difference(dict.fromkeys(old, 0.0), old)
        assert found is not None
        assert rate(found, 4) == pytest.approx(40.0)
        assert (found.cached, found.queried) == (3, 100)

    def test_under_speculation_the_gaps_between_events_say_nothing(self) -> None:
        """vLLM #52853: one gap an event, however many tokens it holds."""
        found = counted(
            vllm__generation_tokens_total=400,
            vllm__inter_token_latency_seconds_count=130,
            vllm__inter_token_latency_seconds_sum=9.9,
            vllm__spec_decode_num_drafts_total=130,
            vllm__spec_decode_num_accepted_tokens_total=266,
        )
        assert (found.decoded, found.decode_s) == (None, None)
        assert (found.drafts, found.accepted) == (130, 266)

    def test_another_start_of_the_process_is_a_reset(self) -> None:
        before, after = recorded("vllm", "speed-before"), recorded("vllm", "speed-after")
        after[START_TIME] += 1
        found = difference(before, after)
        assert found is not None
        assert found.resets == (START_TIME,)
        assert (found.generated, found.requests, found.decode_s, found.prompt) == (None, None, None, None)


class TestOthers:
    """Engines that are not here: the names are theirs, the values made up so that the truth is known."""

    def test_sglang_by_its_gaps(self) -> None:
        found = counted(
            sglang__generation_tokens_total=512,
            sglang__num_requests_total=4,
            sglang__prompt_tokens_total=160,
            sglang__cached_tokens_total=2,
            sglang__inter_token_latency_seconds_count=508,
            sglang__inter_token_latency_seconds_sum=10.16,
            sglang__num_retracted_requests_total=0,
        )
        assert rate(found, 4) == pytest.approx(50.0)
        assert (found.generated, found.requests, found.prompt, found.queried, found.preemptions) == (
            512,
            4,
            160,
            160,
            0,
        )

    def test_sglang_by_whole_requests(self) -> None:
        found = counted(
            sglang__generation_tokens_total=512,
            sglang__e2e_request_latency_seconds_count=4,
            sglang__e2e_request_latency_seconds_sum=10.56,
            sglang__time_to_first_token_seconds_sum=0.4,
        )
        assert rate(found, 4) == pytest.approx(50.0)

    def test_tensorrt_llm(self) -> None:
        found = counted(
            trtllm_generation_tokens_total=512,
            trtllm_request_success_total=4,
            trtllm_request_decode_time_seconds_count=4,
            trtllm_request_decode_time_seconds_sum=10.16,
        )
        assert rate(found, 4) == pytest.approx(50.0)
        assert found.busy is None

    def test_ollama(self) -> None:
        reply = Reply(durations={"eval_count": 128, "eval_duration": 2_560_000_000, "load_duration": 5})
        assert engine_time(reply) == (128.0, 2.56)

    def test_llama_cpp_counts_the_cached_part_of_a_prompt_apart(self) -> None:
        found = counted(
            llamacpp__tokens_predicted_total=64,
            llamacpp__tokens_predicted_seconds_total=3.1,
            llamacpp__prompt_tokens_total=40,
            llamacpp__prompt_tokens_cached_total=8,
        )
        assert (found.prompt, found.queried, found.cached, found.preemptions) == (48, 48, 8, 0)
        assert rate(found, 2) == pytest.approx(20.0)

    def test_llama_cpp_shows_what_was_drafted(self) -> None:
        assert drafted(Reply(timings={"predicted_n": 96, "draft_n": 80, "draft_n_accepted": 64})) == (96, 64)
        assert drafted(Reply(timings={"predicted_n": 96})) is None
        assert drafted(Reply(timings={"predicted_n": 96, "draft_n": 0, "draft_n_accepted": 0})) is None


COUNTED = [(profile.engine, profile.counters) for profile in BUILTIN if profile.counters]


@pytest.mark.parametrize(("engine", "names"), COUNTED, ids=[engine for engine, _ in COUNTED])
def test_one_counter_alone_is_no_rate_and_nothing_else(engine: str, names: CounterNames) -> None:
    only: Mapping[str, float] = {names.generated[0]: 5.0}
    found = difference(dict.fromkeys(only, 0.0), only)
    assert found is not None
    assert (found.engine, found.generated) == (engine, 5)
    missing = (found.requests, found.prompt, found.decoded, found.decode_s, found.cached, found.busy, found.drafts)
    assert set(missing) == {None}


@pytest.mark.parametrize("names", [names for _, names in COUNTED], ids=[engine for engine, _ in COUNTED])
def test_each_counter_that_falls_is_a_reset(names: CounterNames) -> None:
    for fallen in names.all():
        before = dict.fromkeys(names.all(), 9.0)
        found = difference(before, {**before, fallen: 3.0})
        assert found is not None
        assert found.resets == (fallen,)


def stream(name: str) -> Reply:
    """A recorded stream of vLLM, without its stamps."""
    blocks = (DATA / "vllm" / f"{name}.sse").read_text().strip().split("\n\n")
    reply = read_reply(streamed([(0.1 * n, event(block.removeprefix("data: "))) for n, block in enumerate(blocks)]))
    assert reply.done
    return reply
