"""Decode rates: real streams and counters of llama.cpp and vLLM, and the traps that must not pass."""

import json
from pathlib import Path
from typing import Any

import pytest

from onbox.evidence.decode_rate import burst_starts, digest
from onbox.evidence.folder import TrialFolder
from onbox.evidence.load import load_speed
from onbox.evidence.records import CpuWindow, Exchange, Preflight, PreflightCase, Role, SpeedPlan
from onbox.judge.results import Measurement, Validity
from onbox.judge.speed.measurement import measure
from onbox.judge.speed.metrics import difference, parse
from onbox.schema.checks import Check, Status
from tests.builders import COHERENT, Contender, SpeedParts, build_trial, metrics_text, speed_exchange, speed_parts
from tests.exchanges import delta, event, streamed, usage_event

DATA = Path(__file__).parents[3] / "data"


def measured(tmp_path: Path, parts: SpeedParts, preflight: Preflight | None = COHERENT) -> Measurement:
    """Write the parts as evidence, read them back and judge them."""
    contender = Contender("small", Role.INCUMBENT, {}, speed=parts, preflight=preflight)
    evidence = load_speed(build_trial(tmp_path / "trial", [contender], runs=1), "small")
    assert evidence is not None
    return measure(evidence)


def check(result: Measurement, id: str) -> Check:
    return next(check for check in result.checks if check.id == id)


def bad(result: Measurement) -> dict[str, Status]:
    return {check.id: check.status for check in result.checks if check.status is not Status.PASS}


def replace_measured(parts: SpeedParts, bend: Any) -> None:
    parts.exchanges = [bend(e) if e.purpose == "measured" else e for e in parts.exchanges]


def reader_waits(parts: SpeedParts, share: float, but_of_request: int | None = None) -> None:
    """What reads the replies waits for a processor for a share of each, or of each but one."""
    for n, line in enumerate(parts.telemetry):
        wait_s = 0.0 if line.request_id == but_of_request else share * line.cpu.wall_s
        parts.telemetry[n] = line.model_copy(update={"cpu": line.cpu.model_copy(update={"reader_wait_s": wait_s})})


def merged(exchange: Exchange, every: int) -> Exchange:
    """The same stream behind something that flushes every so many chunks."""
    chunks = exchange.chunks
    groups = [chunks[n : n + every] for n in range(0, len(chunks), every)]
    held = tuple((group[-1][0], "".join(text for _, text in group)) for group in groups)
    return exchange.model_copy(update={"chunks": held})


def test_a_model_that_the_server_does_not_list_is_a_warning_with_its_name(tmp_path: Path) -> None:
    detail = "the server does not list qwen3 and answers all the same: it lists qwen-0.5b"
    case = PreflightCase(name="model", status="warn", detail=detail, remedy="--model qwen-0.5b, or leave it out")
    result = measured(tmp_path, speed_parts(25.0), COHERENT.model_copy(update={"cases": (*COHERENT.cases, case)}))
    assert bad(result) == {"MODEL_NAME": Status.WARN}
    assert result.status is Validity.SUSPECT
    assert "it lists qwen-0.5b" in check(result, "MODEL_NAME").hint


class TestGood:
    def test_valid(self, tmp_path: Path) -> None:
        result = measured(tmp_path, speed_parts(25.0))
        assert bad(result) == {}
        assert result.status is Validity.VALID
        assert result.decode_tok_s == 25.0
        assert [witness.tok_s for witness in result.witnesses] == [25.0, 25.0, 25.0]
        assert result.cold_tok_s == 20.0
        assert result.ttft_s == 0.2
        assert (result.requests, result.tokens) == (4, 384)

    @pytest.mark.parametrize("tok_s", [0.7, 25.0, 400.0, 3000.0])
    def test_any_speed(self, tmp_path: Path, tok_s: float) -> None:
        assert measured(tmp_path, speed_parts(tok_s)).decode_tok_s == pytest.approx(tok_s, rel=0.002)

    def test_several_tokens_a_chunk(self, tmp_path: Path) -> None:
        """Four tokens a chunk, each sent when its last is made: N - 1 over the time reads 3 percent high."""
        parts = speed_parts(100.0, tokens=96)
        replace_measured(parts, lambda e: four_a_chunk(e, tok_s=100.0))
        result = measured(tmp_path, parts)
        assert result.decode_tok_s == pytest.approx(100.0, rel=1e-6)
        assert result.status is Validity.VALID

    def test_speculation_is_reported_beside_the_rate(self, tmp_path: Path) -> None:
        parts = speed_parts(25.0)
        replace_measured(
            parts, lambda e: without(e, '"cache_n": 4', '"cache_n": 4, "draft_n": 90, "draft_n_accepted": 48')
        )
        result = measured(tmp_path, parts)
        assert (result.acceptance_length, result.forward_passes_s) == (2.0, 12.5)
        assert measured(tmp_path / "plain", speed_parts(25.0)).acceptance_length is None

    def test_chunk_boundaries_do_not_matter(self, tmp_path: Path) -> None:
        parts, whole = speed_parts(25.0), measured(tmp_path / "a", speed_parts(25.0))
        replace_measured(parts, split_in_characters)
        assert measured(tmp_path / "b", parts).decode_tok_s == whole.decode_tok_s


class TestReal:
    def test_llama_cpp_stream(self) -> None:
        """A recorded stream, each chunk stamped with the engine's own time for it."""
        sample = digest(real_stream())
        assert (sample.tokens, sample.reply.chunks, sample.bursts) == (31, 30, 30)
        assert sample.reply.finish_reason == "stop"
        assert sample.tok_s == pytest.approx(30 / 1.100272, rel=0.01), "agrees with timings: predicted_n - 1 over ms"

    def test_llama_cpp_counters(self) -> None:
        before, after = (parse((DATA / f"llama.cpp/metrics-{w}.prom").read_text()) for w in ("before", "after"))
        found = difference(before, after)
        assert found is not None
        assert (found.engine, found.generated, found.cached, found.busy) == ("llamacpp", 186, 1049, 0)
        assert found.decode_s == pytest.approx(6.91791)
        assert found.requests is None, "llama.cpp does not count requests"
        assert found.resets == ()

    def test_vllm_counters(self) -> None:
        before, after = (parse((DATA / f"vllm/metrics-{w}.prom").read_text()) for w in ("before", "after"))
        found = difference(before, after)
        assert found is not None
        assert (found.engine, found.generated, found.requests, found.cached) == ("vllm", 272, 10, 2304)
        assert found.decode_s == pytest.approx(22.565048)

    def test_backwards_is_a_reset(self) -> None:
        before, after = (parse((DATA / f"vllm/metrics-{w}.prom").read_text()) for w in ("before", "after"))
        found = difference(after, before)
        assert found is not None
        assert "vllm:generation_tokens_total" in found.resets
        assert found.generated is None

    def test_what_is_no_metrics_text_is_missing(self) -> None:
        assert parse("<html><body>404</body></html>") is None
        assert parse("") is None
        assert parse(None) is None
        assert difference(None, {"llamacpp:tokens_predicted_total": 1.0}) is None
        assert difference({}, {"other_total": 1.0}) is None

    def test_a_counter_that_is_not_there_is_none_and_not_zero(self) -> None:
        found = difference({"llamacpp:tokens_predicted_total": 1.0}, {"llamacpp:tokens_predicted_total": 5.0})
        assert found is not None
        assert found.generated == 4
        assert found.decode_s is None
        assert found.busy is None


class TestTraps:
    """Each trap alone, in an otherwise good measurement: refused or doubted, by the check that is there for it."""

    def invalid(self, result: Measurement, id: str) -> None:
        assert check(result, id).status is Status.FAIL
        assert check(result, id).hint
        assert result.status is Validity.INVALID
        assert result.decode_tok_s is None
        assert result.interval is None

    def suspect(self, result: Measurement, id: str, status: Status) -> None:
        assert bad(result).get(id) is status
        assert check(result, id).hint
        assert result.status is Validity.SUSPECT
        assert result.decode_tok_s is not None

    def test_stray_traffic(self, tmp_path: Path) -> None:
        parts = speed_parts()
        parts.metrics_after = metrics_text(1000 + 4 * 96 + 7, 40.0 + 4 * 95 / 25)
        result = measured(tmp_path, parts)
        self.invalid(result, "TOKEN_RESIDUAL")
        assert check(result, "TOKEN_RESIDUAL").observed == 7

    def test_a_stray_prompt_is_named(self, tmp_path: Path) -> None:
        parts = speed_parts()
        prompts, made = 4 * 28 + 50, 4 * 96 + 7
        parts.metrics_after = metrics_text(1000 + made, 40.0 + 4 * 95 / 25, prompts, cached_tokens=16)
        result = measured(tmp_path, parts)
        self.invalid(result, "STRAY_TRAFFIC")
        assert check(result, "STRAY_TRAFFIC").observed == "50 prompt tokens and 7 output tokens"

    def test_a_prompt_from_the_cache_by_the_counters_alone(self, tmp_path: Path) -> None:
        parts = speed_parts()
        replace_measured(parts, without_timings)
        replace_measured(parts, lambda e: without(e, '"prompt_tokens_details": {"cached_tokens": 4}', '"x": 0'))
        result = measured(tmp_path, parts)
        self.suspect(result, "PREFIX_CACHE", Status.WARN)
        assert (check(result, "PREFIX_CACHE").observed, check(result, "PREFIX_CACHE").unit) == (12.5, "%")

    def test_preempted(self, tmp_path: Path) -> None:
        parts = speed_parts()
        for when, lost in (("before", 2), ("after", 3)):
            values = {"generation_tokens_total": 384 * (when == "after"), "num_preemptions_total": lost}
            text = "".join(f"# TYPE vllm:{name} counter\nvllm:{name} {value}\n" for name, value in values.items())
            setattr(parts, f"metrics_{when}", text)
        result = measured(tmp_path, parts)
        assert check(result, "PREEMPTIONS").status is Status.WARN
        assert check(result, "PREEMPTIONS").observed == 1
        assert check(result, "STRAY_TRAFFIC").status is Status.UNKNOWN

    def test_stray_request_still_under_way(self, tmp_path: Path) -> None:
        parts = speed_parts()
        assert parts.metrics_after
        parts.metrics_after = parts.metrics_after.replace("requests_processing 0", "requests_processing 1")
        self.invalid(measured(tmp_path, parts), "IDLE_AFTER")

    def test_not_idle_before(self, tmp_path: Path) -> None:
        parts = speed_parts()
        busy = ({"requests_processing": 0.0}, {"requests_processing": 1.0}, {"requests_processing": 0.0})
        parts.run = parts.run.model_copy(update={"idle_before": busy})
        self.invalid(measured(tmp_path, parts), "IDLE_BEFORE")

    def test_counters_that_move_before(self, tmp_path: Path) -> None:
        parts = speed_parts()
        moving = tuple(
            {"requests_processing": 0.0, "n_decode_total": float(n), "n_busy_slots_per_decode": 1.0} for n in range(3)
        )
        parts.run = parts.run.model_copy(update={"idle_before": moving})
        self.invalid(measured(tmp_path, parts), "IDLE_BEFORE")

    def test_too_few_looks(self, tmp_path: Path) -> None:
        parts = speed_parts()
        parts.run = parts.run.model_copy(update={"idle_before": parts.run.idle_before[:2]})
        self.suspect(measured(tmp_path, parts), "IDLE_BEFORE", Status.UNKNOWN)

    def test_other_values_do_not_look_busy(self, tmp_path: Path) -> None:
        parts = speed_parts()
        quiet = {"num_requests_running": 0.0, "request_queue_time_seconds_sum": 0.3, "kv_cache_usage_perc": 0.2}
        parts.run = parts.run.model_copy(update={"idle_before": (quiet,) * 3})
        assert check(measured(tmp_path, parts), "IDLE_BEFORE").status is Status.PASS

    def test_looks_that_see_nothing(self, tmp_path: Path) -> None:
        parts = speed_parts()
        parts.run = parts.run.model_copy(update={"idle_before": ({"n_busy_slots_per_decode": 1.0},) * 3})
        self.suspect(measured(tmp_path, parts), "IDLE_BEFORE", Status.UNKNOWN)

    def test_reset(self, tmp_path: Path) -> None:
        parts = speed_parts()
        parts.metrics_before, parts.metrics_after = metrics_text(900, 40.0), metrics_text(384, 15.2)
        result = measured(tmp_path, parts)
        self.invalid(result, "COUNTER_RESET")
        assert check(result, "TOKEN_RESIDUAL").status is Status.UNKNOWN

    def test_whole_answer_at_once(self, tmp_path: Path) -> None:
        parts = speed_parts()
        replace_measured(parts, lambda e: merged(e, 1000))
        result = measured(tmp_path, parts)
        self.invalid(result, "BURSTS")
        assert [w.tok_s for w in result.witnesses] == [None, 25.0, 25.0], "shown, but never as the result"

    def test_flushed_every_eight(self, tmp_path: Path) -> None:
        parts = speed_parts()
        replace_measured(parts, lambda e: merged(e, 8))
        result = measured(tmp_path, parts)
        self.suspect(result, "COALESCED", Status.WARN)
        assert result.decode_tok_s == pytest.approx(25.0, rel=0.02)
        assert result.ttft_s is None, "what is held back hides the first token"

    @pytest.mark.parametrize(("every", "id"), [(1000, "ONE_SHOT"), (1000, "BURSTS"), (8, "COALESCED")])
    def test_what_held_the_tokens_back_is_onbox_itself_where_it_waited(
        self, tmp_path: Path, every: int, id: str
    ) -> None:
        """As where an engine of two busy threads runs on two processors, in a session of its own."""
        parts = speed_parts()
        replace_measured(parts, lambda e: merged(e, every))
        reader_waits(parts, 0.9)
        hint = check(measured(tmp_path / "all", parts), id).hint
        assert "onbox waited 3.4 of 3.8 s for a processor to read it" in hint
        reader_waits(parts, 0.9, but_of_request=4)
        assert "onbox waited" not in check(measured(tmp_path / "one not", parts), id).hint

    def test_short_output(self, tmp_path: Path) -> None:
        parts = speed_parts(tokens=60)
        parts.run = parts.run.model_copy(update={"plan": SpeedPlan(requests=4, tokens=96)})
        result = measured(tmp_path, parts)
        self.invalid(result, "OUTPUT_LENGTH")
        assert check(result, "OUTPUT_LENGTH").observed == 62.5

    def test_error_in_the_stream(self, tmp_path: Path) -> None:
        parts = speed_parts()
        failure = event({"error": {"message": "out of memory"}})
        replace_measured(
            parts,
            lambda e: e.model_copy(update={"chunks": (*e.chunks[:50], (e.chunks[50][0], failure), *e.chunks[50:])}),
        )
        result = measured(tmp_path, parts)
        self.invalid(result, "STREAM_ERROR")
        assert "out of memory" in check(result, "STREAM_ERROR").hint

    @pytest.mark.parametrize("cut", [1, 3, 40])
    def test_cut_off(self, tmp_path: Path, cut: int) -> None:
        parts = speed_parts()
        replace_measured(parts, lambda e: e.model_copy(update={"chunks": e.chunks[:-cut]}))
        self.invalid(measured(tmp_path, parts), "STREAM_ERROR")

    def test_stopped_early(self, tmp_path: Path) -> None:
        parts = speed_parts()
        parts.exchanges.pop()
        parts.metrics_after = metrics_text(1000 + 3 * 96, 40.0 + 3 * 95 / 25)
        self.invalid(measured(tmp_path, parts), "COMPLETE")

    def test_engine_and_client_disagree(self, tmp_path: Path) -> None:
        parts = speed_parts()
        parts.metrics_after = metrics_text(1000 + 4 * 96, 40.0 + 4 * 95 / 27)
        result = measured(tmp_path, parts)
        assert bad(result) == {"WITNESSES_AGREE": Status.FAIL}
        assert result.status is Validity.SUSPECT
        assert (result.decode_tok_s, result.interval) == (None, None), (
            "one of them may be right, and nobody knows which"
        )
        assert [witness.tok_s for witness in result.witnesses] == [25.0, 27.0, 25.0]
        assert "engine_counters says 27.0" in check(result, "WITNESSES_AGREE").hint

    def test_one_witness_is_at_best_suspect(self, tmp_path: Path) -> None:
        parts = speed_parts()
        parts.metrics_before = parts.metrics_after = None
        replace_measured(parts, without_timings)
        result = measured(tmp_path, parts)
        self.suspect(result, "WITNESSES_AGREE", Status.UNKNOWN)
        assert result.decode_tok_s == 25.0

    def test_no_usage(self, tmp_path: Path) -> None:
        parts = speed_parts()
        replace_measured(parts, lambda e: e.model_copy(update={"chunks": (*e.chunks[:-2], e.chunks[-1])}))
        result = measured(tmp_path, parts)
        self.suspect(result, "TOKEN_RESIDUAL", Status.UNKNOWN)
        assert result.profile["ruler"] == "engine_counters"

    @pytest.mark.parametrize(("foreign", "status"), [(0.1, Status.WARN), (0.3, Status.FAIL)])
    def test_other_work_on_the_box(self, tmp_path: Path, foreign: float, status: Status) -> None:
        parts = speed_parts()
        busy = CpuWindow(wall_s=4, cores=10, busy_s=20 + 40 * foreign, engine_s=19.5, own_s=0.5)
        parts.telemetry = [line.model_copy(update={"cpu": busy}) for line in parts.telemetry]
        result = measured(tmp_path, parts)
        assert check(result, "FOREIGN_CPU").observed == pytest.approx(100 * foreign)
        if status is Status.FAIL:
            self.invalid(result, "FOREIGN_CPU")
        else:
            self.suspect(result, "FOREIGN_CPU", status)

    def test_the_engine_is_not_ours_to_see(self, tmp_path: Path) -> None:
        parts = speed_parts()
        blind = CpuWindow(wall_s=4, cores=10, busy_s=20, engine_s=None, own_s=0.5)
        parts.telemetry = [line.model_copy(update={"cpu": blind}) for line in parts.telemetry]
        self.suspect(measured(tmp_path, parts), "FOREIGN_CPU", Status.UNKNOWN)

    def test_drift(self, tmp_path: Path) -> None:
        parts, rates = speed_parts(), [26.0, 25.5, 24.0, 22.0]
        parts.exchanges = parts.exchanges[:2] + [
            speed_exchange(n + 3, "measured", tok_s=rate, start_s=60.0 * n) for n, rate in enumerate(rates)
        ]
        parts.metrics_after = metrics_text(1000 + 4 * 96, 40.0 + sum(95 / rate for rate in rates))
        result = measured(tmp_path, parts)
        self.suspect(result, "DRIFT", Status.WARN)
        assert result.decode_tok_s == pytest.approx(4 * 95 / sum(95 / rate for rate in rates), rel=1e-5)
        assert result.interval is not None
        assert result.decode_tok_s is not None
        assert result.interval[0] < 22 < result.decode_tok_s < 26 < result.interval[1]
        assert result.uncertainty is not None
        assert result.uncertainty.relative > 0.1

    def test_a_prompt_asked_twice(self, tmp_path: Path) -> None:
        parts = speed_parts()
        same = parts.exchanges[2].request
        replace_measured(parts, lambda e: e.model_copy(update={"request": same}))
        self.suspect(measured(tmp_path, parts), "PREFIX_CACHE", Status.WARN)

    def test_a_prompt_from_the_cache(self, tmp_path: Path) -> None:
        parts = speed_parts()
        last = parts.exchanges[-1]
        bent = [(t, text.replace('"cached_tokens": 4', '"cached_tokens": 30')) for t, text in last.chunks]
        parts.exchanges[-1] = last.model_copy(update={"chunks": tuple(bent)})
        result = measured(tmp_path, parts)
        self.suspect(result, "PREFIX_CACHE", Status.WARN)
        assert check(result, "PREFIX_CACHE").observed == 26

    def test_nonsense(self, tmp_path: Path) -> None:
        case = PreflightCase(name="coherence", status="fail", detail="it says ++++++++")
        self.invalid(measured(tmp_path, speed_parts(), Preflight(cases=(case,), tools=False)), "COHERENCE")

    def test_nobody_asked_for_sense(self, tmp_path: Path) -> None:
        self.suspect(measured(tmp_path, speed_parts(), preflight=None), "COHERENCE", Status.UNKNOWN)


def test_an_unfinished_measurement_is_none(tmp_path: Path) -> None:
    folder = build_trial(tmp_path / "trial", speed=False)
    assert load_speed(TrialFolder.open(folder.path), "small") is None


def test_every_doubt_has_a_hint_and_names_its_evidence(tmp_path: Path) -> None:
    parts = speed_parts()
    parts.exchanges, parts.metrics_after, parts.telemetry = [], None, []
    result = measured(tmp_path, parts, preflight=None)
    assert result.status is Validity.INVALID
    for found in result.checks:
        assert found.evidence
        assert bool(found.hint) == (found.status is not Status.PASS), found


def test_bursts() -> None:
    assert burst_starts([], None) == []
    assert burst_starts([0, 100_000, 50_000_000, 50_100_000], 4) == [0, 50_000_000]
    assert len(burst_starts([n * 300_000 for n in range(100)], 100)) == 100, "a fast model is no single burst"
    stalled = [n * 2_000_000 + 5_000_000_000 * (n >= 50) for n in range(100)]
    assert len(burst_starts(stalled, 100)) == 100, "a pause does not hide the pace"
    flushed = [n * 100_000 + 500_000_000 * (n >= 50) for n in range(100)]
    assert len(burst_starts(flushed, 100)) == 2, "two flushes of a proxy are two bursts, however they are read"


def four_a_chunk(exchange: Exchange, tok_s: float) -> Exchange:
    chunks = [(0.2 + (n + 3) / tok_s, delta(content=" a b c d")) for n in range(0, 96, 4)]
    tail = [text for _, text in exchange.chunks[-3:]]
    chunks += [(chunks[-1][0], text) for text in tail]
    start_s = exchange.t0_ns / 1e9
    return streamed(chunks, id=exchange.id, purpose="measured", request=exchange.request, start_s=start_s)


def split_in_characters(exchange: Exchange) -> Exchange:
    chunks = tuple((t, part) for t, text in exchange.chunks for part in (text[:7], text[7:-1], text[-1:]))
    return exchange.model_copy(update={"chunks": chunks})


def without(exchange: Exchange, old: str, new: str) -> Exchange:
    chunks = tuple((t, text.replace(old, new)) for t, text in exchange.chunks)
    return exchange.model_copy(update={"chunks": chunks})


def without_timings(exchange: Exchange) -> Exchange:
    last = usage_event(32, 96, cached=4)
    chunks = (*exchange.chunks[:-2], (exchange.chunks[-2][0], last), exchange.chunks[-1])
    return exchange.model_copy(update={"chunks": chunks})


def real_stream() -> Exchange:
    text = (DATA / "llama.cpp/chat-stream.sse").read_text()
    chunks, at_s = [], 0.0
    for block in text.strip().split("\n\n"):
        payload = {} if block == "data: [DONE]" else json.loads(block.removeprefix("data: "))
        timings = payload.get("timings")
        at_s = (timings["prompt_ms"] + timings["predicted_ms"]) / 1000 if timings else at_s
        chunks.append((at_s, block + "\n\n"))
    return streamed(chunks, purpose="measured")
