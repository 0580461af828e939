"""What a rate is bound by: seconds a step against bytes a step."""

import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from onbox.app.judging import judge_trial
from onbox.app.speed import WHY_CONCURRENCY, _at_a_time, measure_speed
from onbox.cli.commands import speed as speed_command
from onbox.errors import UsageError
from onbox.evidence.records import Ceiling, StepBytes
from onbox.judge import thresholds
from onbox.judge.rates import Bound, BoundKind
from onbox.judge.results import Measurement, RequestSpeed, Uncertainty
from onbox.judge.speed.bound import bound_of, bytes_at
from onbox.report import formatting
from tests.doubles.server import ReceivedRequest, Wire, serving
from tests.exchanges import delta, event, usage_event
from tests.unit.weights.checkpoints import gpt_oss, write_model
from tests.verdicts import measurement


def cell(step_s: float, context: int, sequences: int = 1, relative: float = 0.01, **changes: Any) -> Measurement:
    """One depth, or one number of requests at a time."""
    each = RequestSpeed(id=1, prompt_tokens=context - 48, tokens=96, ttft_s=0.1, seconds=2.0, decode_tok_s=1 / step_s)
    return measurement(
        1 / step_s,
        uncertainty=Uncertainty(relative=relative, budget=()),
        each=(each,),
        profile={"tokens": 96, "depth_tokens": context, "concurrency": sequences},
        **changes,
    )


def ceiling(weights_bytes: float, kv_bytes: float, measured_gb_s: float, further: float | None = None) -> Ceiling:
    """Of weights whose cache grows in a line."""
    return Ceiling(
        source="m", step_bytes=weights_bytes, resident="stored", context_tokens=0, measured_gb_s=measured_gb_s,
        nominal_gb_s=None, cache_bytes=None, impossible_above_gb_s=1e9, at_ceiling_from_gb_s=1.0,
        not_bound_below_gb_s=0.1,
        steps=tuple(StepBytes(context_tokens=n, step_bytes=weights_bytes + n * kv_bytes) for n in (0, 1000, 100_000)),
        sequence_bytes_max=() if further is None else (further,),
    )  # fmt: skip


def experiment(
    fixed_s: float, gb_s: float, own_s: float, *, known: Ceiling, numbers: tuple[int, ...] = (2, 4), **more: Any
) -> Bound:
    """A server of which the truth is known: fixed time, bandwidth, and own work of each further sequence."""

    def step_s(context: int, sequences: int = 1) -> float:
        read = bytes_at(known, context)
        assert read is not None
        cache = read - known.steps[0].step_bytes
        return fixed_s + (read + (sequences - 1) * cache) / gb_s / 1e9 + (sequences - 1) * own_s

    cells = tuple(cell(step_s(100, n), 100, n, **more) for n in numbers)
    alone = cell(step_s(100), 100, **more).model_copy(update={"cells": cells})
    return bound_of(alone, known, [cell(step_s(depth), depth, **more) for depth in (1000, 4000, 16000)])


GB = ceiling(1e9, 1e5, 22.0)


@pytest.mark.parametrize(
    ("fixed_s", "own_s", "kind"),
    [
        (0.002, 0.001, BoundKind.BANDWIDTH),
        (0.200, 0.001, BoundKind.LAUNCH),
        (0.002, 0.040, BoundKind.COMPUTE),
        (0.050, 0.001, BoundKind.UNDECIDED),
    ],
)
def test_the_truth_is_found(fixed_s: float, own_s: float, kind: BoundKind) -> None:
    found = experiment(fixed_s, 20.0, own_s, known=GB)
    assert found.kind is kind, found.why
    assert found.effective_gb_s == pytest.approx(20.0, rel=1e-3)
    assert found.fixed_ms == pytest.approx(1e3 * fixed_s, rel=1e-2, abs=1e-3)
    assert found.sequence_share == pytest.approx(own_s / (fixed_s + 1.01 / 20), rel=1e-2)
    for value, interval in (
        (20.0, found.effective_gb_s_interval),
        (1e3 * fixed_s, found.fixed_ms_interval),
        (found.bytes_share, found.bytes_share_interval),
    ):
        assert interval is not None
        assert value is not None
        assert interval[0] < value < interval[1]
    assert formatting.bound(found).startswith(f"{kind.value}: ")


def test_a_rate_that_is_known_less_well_decides_less() -> None:
    assert experiment(0.002, 20.0, 0.001, known=GB, relative=0.05).kind is BoundKind.BANDWIDTH
    vague = experiment(0.002, 20.0, 0.001, known=GB, relative=0.45)
    assert vague.kind is BoundKind.UNDECIDED


def test_without_a_number_above_one_memory_and_work_are_not_distinguished() -> None:
    found = experiment(0.002, 20.0, 0.001, known=GB, numbers=())
    assert found.kind is BoundKind.UNDECIDED
    assert "only more requests at a time would tell" in found.why
    assert found.sequence_share is None


def test_more_experts_may_be_what_a_further_sequence_reads() -> None:
    dense, experts = ceiling(1e9, 1e5, 22.0, further=1e7), ceiling(1e9, 1e5, 22.0, further=8e8)
    assert experiment(0.002, 20.0, 0.040, known=dense).kind is BoundKind.COMPUTE
    assert experiment(0.002, 20.0, 0.040, known=experts).kind is BoundKind.UNDECIDED


def test_a_slope_above_the_roof_is_none_of_memory() -> None:
    found = experiment(0.002, 40.0, 0.001, known=GB)
    assert found.kind is BoundKind.UNDECIDED
    assert "above what memory was measured to read" in found.why


def test_context_that_costs_work_shows_nothing_of_memory() -> None:
    """The 0.5B of llama.cpp on 16 cores, by `--why`: 9.2 ms a step, 0.39 GB, 50 MB more in 4,096 tokens, +7.3 ms."""
    known = ceiling(0.3919e9, 12_288.0, 79.0, further=616.0)
    alone = cell(9.18e-3, 160, relative=0.03).model_copy(
        update={"cells": (cell(1 / 73.4, 160, 2, relative=0.08), cell(1 / 43.0, 160, 4, relative=0.04))}
    )
    found = bound_of(alone, known, [cell(11.0e-3, 1150, relative=0.03), cell(16.5e-3, 4220, relative=0.03)])
    assert found.kind is BoundKind.UNDECIDED
    assert "its slope tells nothing of memory" in found.why
    assert (found.effective_gb_s, found.fixed_ms, found.bytes_share) == (None, None, None), (
        "a time below nothing is none"
    )
    assert found.sequence_share == pytest.approx(0.5, abs=0.06)
    heavy = alone.model_copy(
        update={"cells": (cell(18.3e-3, 160, 2, relative=0.01), cell(36.6e-3, 160, 4, relative=0.01))}
    )
    assert bound_of(heavy, known, [cell(11.0e-3, 1150), cell(16.5e-3, 4220)]).kind is BoundKind.COMPUTE


def test_what_is_missing_is_named() -> None:
    alone = cell(0.05, 100)
    deeper = [cell(0.055, 1000), cell(0.07, 4000)]
    assert "--weights" in bound_of(alone, None, deeper).why
    assert "fewer than 3 depths" in bound_of(alone, GB, deeper[:1]).why
    assert "no valid rate" in bound_of(alone.model_copy(update={"decode_tok_s": None}), GB, deeper).why
    flat = [cell(0.05, 1000), cell(0.05, 4000)]
    assert "not surely take longer with more context" in bound_of(alone, GB, flat).why


def test_the_h200_of_the_record_is_launch_bound() -> None:
    """docs/gpu-truth.md: gpt-oss-120b's shapes, MXFP4 kernels of TRITON; 36,864 bytes of cache a token in 18 layers."""
    known = ceiling(5.00e9, 36_864.0, 4470.0, further=1.9e9)
    alone = cell(3.987e-3, 161, relative=0.002).model_copy(
        update={"cells": (cell(1 / 221.9, 161, 2, relative=0.002), cell(1 / 220.7, 161, 4, relative=0.002))}
    )
    found = bound_of(alone, known, [cell(4.060e-3, 4159, relative=0.002), cell(4.308e-3, 31_408, relative=0.002)])
    assert found.kind is BoundKind.LAUNCH, found
    assert found.effective_gb_s_interval is not None
    assert found.effective_gb_s_interval[0] < 3600 < found.effective_gb_s_interval[1]
    assert found.bytes_share == pytest.approx(0.35, abs=0.04)
    assert found.fixed_ms == pytest.approx(2.6, abs=0.15)


def test_the_h200_by_the_command_itself() -> None:
    """docs/gpu-truth.md, second day: the points that `--why` recorded, with the weights as that engine held them."""
    known = ceiling(2.7489e9, 36_864.0, 4420.0, further=1.8e9).model_copy(
        update={"stored_step_bytes": 5.0025e9, "resident": "16-bit parts in mxfp4"}
    )
    alone = cell(4.0449e-3, 160, relative=0.0079).model_copy(
        update={"cells": (cell(4.5422e-3, 160, 2, relative=0.002), cell(4.5596e-3, 160, 4, relative=0.001))}
    )
    deeper = [(4.0577e-3, 1152, 0.0015), (4.1013e-3, 4160, 0.0018), (4.2206e-3, 16_156, 0.0064)]
    found = bound_of(alone, known, [cell(step_s, depth, relative=relative) for step_s, depth, relative in deeper])
    assert found.kind is BoundKind.LAUNCH, found
    assert found.bytes_share_interval is not None
    assert found.bytes_share_interval == pytest.approx((0.17, 0.48), abs=0.02)
    assert found.effective_gb_s == pytest.approx(3150, rel=0.05)


def test_what_is_not_known_of_the_weights_widens_the_answer() -> None:
    """An engine that nobody looked into may hold what a checkpoint left in 16 bit as it is, or narrower."""
    known = GB.model_copy(update={"stored_step_bytes": 1.9e9, "resident": "16-bit parts in mxfp4"})
    narrow, wide = experiment(0.060, 20.0, 0.001, known=GB), experiment(0.060, 20.0, 0.001, known=known)
    assert (narrow.kind, wide.kind) == (BoundKind.LAUNCH, BoundKind.UNDECIDED)
    assert narrow.bytes_share_interval is not None
    assert wide.bytes_share_interval is not None
    assert narrow.bytes_share_interval[0] == wide.bytes_share_interval[0] < 0.5 < wide.bytes_share_interval[1]
    assert narrow.fixed_ms_interval is not None
    assert wide.fixed_ms_interval is not None
    assert wide.fixed_ms_interval[0] < narrow.fixed_ms_interval[0] < wide.fixed_ms_interval[1]
    assert "as stored or with 16-bit parts in mxfp4" in wide.why


class TestEndToEnd:
    """`onbox speed --why` against a server whose pace is a fixed time and a slope over its context."""

    FIXED_S, SLOPE_S = 0.02, 4e-6

    def script(self, request: ReceivedRequest, wire: Wire) -> None:
        if request.path == "/v1/models":
            wire.whole(200, {"data": [{"id": "m"}]})
        elif request.method != "POST":
            wire.whole(404, b"none")
        else:
            body = request.json()
            prompt = len(str(body.get("prompt") or body.get("messages"))) * 10 // 46
            if prompt > 9000:
                wire.whole(400, {"error": "too long"})
                return
            tokens = int(body.get("max_tokens", 8))
            pieces = [delta(content="Paris ").encode()] * (tokens - 1) + [delta("length", content="Paris").encode()]
            gap_s = self.FIXED_S + self.SLOPE_S * prompt
            wire.head(200, content_type="text/event-stream", transfer_encoding="chunked")
            begun = time.monotonic()
            for n, piece in enumerate(pieces):
                wire.pause(max(0.0, begun + n * gap_s - time.monotonic()))
                wire.chunk(piece)
            wire.chunk((usage_event(prompt, tokens) + event("[DONE]")).encode())
            wire.send(b"0\r\n\r\n")

    @pytest.fixture(scope="class")
    def model(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        return write_model(tmp_path_factory.mktemp("model"), *gpt_oss(layers=4, experts=8, hidden=64, vocab=512))

    @pytest.mark.alone
    @pytest.mark.slow
    def test_the_slope_over_depth_and_what_was_too_deep(
        self, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(thresholds, "FOREIGN_CPU_FAIL", 2.0)
        with serving(self.script) as server:
            found = measure_speed(
                server.url + "/v1", tokens=32, requests=4, at_least_s=0, why=True, weights=str(model),
                concurrency=(2,), out=tmp_path / "t",
            )  # fmt: skip
        bound = found.measurement.bound
        assert bound is not None
        assert [each.profile["depth_tokens"] for each in found.measurement.depths] == [1024, 4096]
        assert len([point for point in bound.points if point.sequences == 1]) == 3, bound
        assert bound.fixed_ms_interval is not None, bound.why
        # What this server takes for its weights does not show in its depths: they may be held as stored, or narrower.
        low, high = bound.fixed_ms_interval
        assert low < 1e3 * self.FIXED_S < 1.15 * high
        assert high < 1.3e3 * self.FIXED_S
        again = judge_trial(tmp_path / "t").contenders[0].speed
        assert again is not None
        assert again.bound == bound, "from the evidence alone"
        assert "What bounds it: " in (tmp_path / "t" / "report.md").read_text("utf-8")

    def test_without_weights_it_is_refused(self) -> None:
        done = CliRunner().invoke(speed_command.command, ["http://127.0.0.1:9/v1", "--why"])
        assert isinstance(done.exception, UsageError)
        assert "--weights" in done.exception.next_step

    @pytest.mark.parametrize(
        ("concurrency", "why", "measured"),
        [
            (None, True, WHY_CONCURRENCY),
            (None, False, ()),
            ((1,), True, ()),
            ((1, 8, 8), True, (8,)),
            ((1,), False, ()),
        ],
    )
    def test_requests_at_a_time_are_those_that_were_named(
        self, concurrency: tuple[int, ...] | None, why: bool, measured: tuple[int, ...]
    ) -> None:
        assert _at_a_time(concurrency, why=why) == measured
