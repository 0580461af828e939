"""Rules about the box and the pace: what the monitor saw, bent one way at a time in an otherwise good measurement."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from onbox.evidence.records import GpuMoment, Moment, Preflight
from onbox.judge.results import Measurement, Validity
from onbox.judge.speed.checks import HARD, OF_THE_BOX
from onbox.schema.checks import Status
from tests.builders import SpeedParts, metrics_text, speed_exchange, speed_parts
from tests.unit.judge.speed.test_measurement import bad, check, measured

GPU = GpuMoment(index=0, sm_clock_mhz=2400, sm_clock_max_mhz=2500, power_w=45, throttle_reasons=(), pids=(4242,))


def bent(parts: SpeedParts, bend: Callable[[int, Moment], dict[str, Any]]) -> SpeedParts:
    parts.moments = [moment.model_copy(update=bend(n, moment)) for n, moment in enumerate(parts.moments)]
    return parts


def on_gpu(gpu: GpuMoment, *others: GpuMoment) -> SpeedParts:
    parts = bent(speed_parts(), lambda n, moment: {"gpus": (gpu, *others)})
    parts.run = parts.run.model_copy(update={"accelerators": 1 + len(others)})
    return parts


def doubted(tmp_path: Path, parts: SpeedParts, id: str, status: Status = Status.WARN) -> Measurement:
    """The one check that is not a pass."""
    result = measured(tmp_path, parts)
    assert bad(result) == {id: status}
    assert check(result, id).hint
    assert result.status is (Validity.INVALID if status is Status.FAIL and id in HARD else Validity.SUSPECT)
    return result


def line(result: Measurement, source: str) -> float:
    """One line of the budget of its uncertainty."""
    assert result.uncertainty is not None
    return next(each.relative for each in result.uncertainty.budget if each.source == source)


class TestBox:
    def test_late_stamps(self, tmp_path: Path) -> None:
        late = bent(speed_parts(), lambda n, moment: {"late_s": 0.004 if n % 20 == 0 else 0.0001})
        result = measured(tmp_path, late)
        assert (result.status, bad(result)) == (Validity.VALID, {})
        assert check(result, "CLIENT_LAG").observed == 4.0
        assert check(result, "CLIENT_LAG").threshold == 380.0, "a tenth of the 3.8 s that a request decodes for"
        assert line(result, "client lag") == pytest.approx(2 / 3**0.5 * 0.004 / 3.8, rel=1e-3)

    def test_stamps_so_late_that_the_rate_is_another(self, tmp_path: Path) -> None:
        late = bent(speed_parts(), lambda n, moment: {"late_s": 0.5 if n % 20 == 0 else 0.0001})
        result = measured(tmp_path, late)
        assert bad(result) == {"CLIENT_LAG": Status.WARN, "INTERVAL": Status.WARN}
        assert result.status is Validity.SUSPECT
        assert "most of it from client lag" in check(result, "INTERVAL").hint

    def test_onbox_sets_the_pace(self, tmp_path: Path) -> None:
        parts = speed_parts()
        busy = [
            line.cpu.model_copy(update={"own_s": 0.9 * line.cpu.wall_s, "engine_s": 1.0}) for line in parts.telemetry
        ]
        parts.telemetry = [
            line.model_copy(update={"cpu": cpu}) for line, cpu in zip(parts.telemetry, busy, strict=True)
        ]
        assert check(measured(tmp_path, parts), "CLIENT_CPU").status is Status.WARN

    def test_slept(self, tmp_path: Path) -> None:
        parts = bent(speed_parts(), lambda n, moment: {"asleep_ns": 7 if n < 30 else 5_000_000_007})
        result = doubted(tmp_path, parts, "ASLEEP", Status.FAIL)
        assert check(result, "ASLEEP").observed == 5000.0
        assert result.decode_tok_s is None

    def test_stolen(self, tmp_path: Path) -> None:
        parts = speed_parts()
        parts.telemetry = [
            line.model_copy(update={"cpu": line.cpu.model_copy(update={"steal_s": 0.1 * line.cpu.wall_s})})
            for line in parts.telemetry
        ]
        assert check(doubted(tmp_path, parts, "STEAL"), "STEAL").observed == 5.0

    def test_swapped(self, tmp_path: Path) -> None:
        parts = bent(speed_parts(), lambda n, moment: {"swapped_pages": 3 + (n > 40) * 200})
        assert "200 pages swapped" in check(doubted(tmp_path, parts, "MEMORY"), "MEMORY").hint

    def test_stalled_for_memory(self, tmp_path: Path) -> None:
        parts = bent(speed_parts(), lambda n, moment: {"stalled_us": {"memory": 30_000 * n}})
        short = check(doubted(tmp_path, parts, "MEMORY"), "MEMORY")
        assert short.observed == pytest.approx(20, abs=1)
        assert "a task waited for it 20 % of the time" in short.hint

    def test_a_kernel_that_reports_only_swapping(self, tmp_path: Path) -> None:
        result = measured(tmp_path, bent(speed_parts(), lambda n, moment: {"stalled_us": {}}))
        assert result.status is Validity.VALID
        assert "only swapping" in check(result, "MEMORY").unit

    @pytest.mark.parametrize("kept", [slice(0, 0), slice(0, -12), slice(6, None), slice(0, None, 40)])
    def test_nobody_looked(self, kept: slice, tmp_path: Path) -> None:
        parts = speed_parts()
        parts.moments = parts.moments[kept]
        result = measured(tmp_path, parts)
        assert bad(result) == dict.fromkeys(("CLIENT_LAG", "ASLEEP", "MEMORY"), Status.UNKNOWN)


class TestGpu:
    def test_a_good_one(self, tmp_path: Path) -> None:
        assert measured(tmp_path, on_gpu(GPU)).status is Validity.VALID

    def test_none_is_reported_and_is_no_doubt(self, tmp_path: Path) -> None:
        result = measured(tmp_path, speed_parts())
        assert check(result, "GPU_CLOCK").observed == "no accelerator here"
        assert result.status is Validity.VALID

    def test_a_clock_fault(self, tmp_path: Path) -> None:
        slow = GPU.model_copy(update={"sm_clock_mhz": 700})
        assert check(doubted(tmp_path, on_gpu(slow), "GPU_CLOCK"), "GPU_CLOCK").observed == 28.0

    def test_throttled(self, tmp_path: Path) -> None:
        hot = GPU.model_copy(update={"throttle_reasons": ("hw_thermal_slowdown", "sw_power_cap")})
        assert "(hw_thermal_slowdown)" in check(doubted(tmp_path, on_gpu(hot), "GPU_THROTTLE"), "GPU_THROTTLE").hint

    def test_a_power_limit_is_the_owners_choice(self, tmp_path: Path) -> None:
        capped = GPU.model_copy(update={"throttle_reasons": ("sw_power_cap",)})
        assert measured(tmp_path, on_gpu(capped)).status is Validity.VALID

    def test_shared(self, tmp_path: Path) -> None:
        shared = GPU.model_copy(update={"pids": (4242, 99)})
        assert "(99)" in check(doubted(tmp_path, on_gpu(shared), "GPU_SHARED"), "GPU_SHARED").hint

    def test_another_device_is_not_asked(self, tmp_path: Path) -> None:
        other = GPU.model_copy(update={"index": 1, "sm_clock_mhz": 300, "pids": (99,)})
        assert measured(tmp_path, on_gpu(GPU, other)).status is Validity.VALID

    def two(self, **second: Any) -> SpeedParts:
        """The engine works on both of two devices."""
        return on_gpu(GPU, GPU.model_copy(update={"index": 1, **second}))

    def test_both_devices_that_the_engine_uses_are_asked(self, tmp_path: Path) -> None:
        assert measured(tmp_path / "good", self.two()).status is Validity.VALID
        slow = check(doubted(tmp_path / "slow", self.two(sm_clock_mhz=700), "GPU_CLOCK"), "GPU_CLOCK")
        assert slow.observed == 28.0
        assert slow.hint.startswith("Accelerator 1 ran far below")

    def test_heat_of_the_second_device(self, tmp_path: Path) -> None:
        hot = self.two(throttle_reasons=("hw_thermal_slowdown",))
        assert "Accelerator 1 was slowed down" in check(doubted(tmp_path, hot, "GPU_THROTTLE"), "GPU_THROTTLE").hint

    def test_a_foreign_process_on_the_second_device(self, tmp_path: Path) -> None:
        result = doubted(tmp_path, self.two(pids=(4242, 99)), "GPU_SHARED")
        assert "on accelerator 1 (99)" in check(result, "GPU_SHARED").hint

    def test_of_eight_it_is_noticed_on_none(self, tmp_path: Path) -> None:
        """Idle devices have low clocks: what they say is no word about the engine's own."""
        idle = [GPU.model_copy(update={"index": n, "sm_clock_mhz": 300, "pids": ()}) for n in range(8)]
        result = measured(tmp_path, on_gpu(*idle))
        assert bad(result) == dict.fromkeys(("GPU_CLOCK", "GPU_THROTTLE", "GPU_SHARED"), Status.UNKNOWN)
        assert "which of 8 accelerators" in check(result, "GPU_CLOCK").hint

    def test_six_idle_ones_beside_two_that_work(self, tmp_path: Path) -> None:
        idle = [GPU.model_copy(update={"index": n, "sm_clock_mhz": 300, "pids": (99,)}) for n in range(2, 8)]
        parts = on_gpu(GPU, GPU.model_copy(update={"index": 1}), *idle)
        assert measured(tmp_path, parts).status is Validity.VALID

    @pytest.mark.parametrize("accelerators", [1, 8, None])
    def test_an_engine_that_has_no_accelerator_open_is_not_asked_for_an_idle_ones_clock(
        self, accelerators: int | None, tmp_path: Path
    ) -> None:
        idle = [GPU.model_copy(update={"index": n, "sm_clock_mhz": 300, "pids": ()}) for n in range(accelerators or 0)]
        parts = on_gpu(*idle) if idle else speed_parts()
        parts.run = parts.run.model_copy(update={"accelerators": accelerators, "opened_accelerator": False})
        result = measured(tmp_path, parts)
        assert result.status is Validity.VALID
        assert check(result, "GPU_CLOCK").observed == "the engine has no accelerator open"

    @pytest.mark.parametrize("opened", [True, None])
    def test_an_idle_clock_is_a_doubt_where_the_engine_may_compute_there(
        self, opened: bool | None, tmp_path: Path
    ) -> None:
        parts = on_gpu(GPU.model_copy(update={"sm_clock_mhz": 300}))
        parts.run = parts.run.model_copy(update={"opened_accelerator": opened})
        assert check(doubted(tmp_path, parts, "GPU_CLOCK"), "GPU_CLOCK").observed == 12.0

    def test_what_the_driver_does_not_tell_is_unknown(self, tmp_path: Path) -> None:
        result = measured(tmp_path, on_gpu(GpuMoment(index=0)))
        assert bad(result) == dict.fromkeys(("GPU_CLOCK", "GPU_THROTTLE", "GPU_SHARED"), Status.UNKNOWN)

    @pytest.mark.parametrize("change", [{"accelerators": None}, {"engine_pids": ()}])
    def test_what_nobody_could_see_is_unknown(self, change: dict[str, Any], tmp_path: Path) -> None:
        parts = speed_parts()
        parts.run = parts.run.model_copy(update=change)
        assert bad(measured(tmp_path, parts)) == dict.fromkeys(
            ("GPU_CLOCK", "GPU_THROTTLE", "GPU_SHARED"), Status.UNKNOWN
        )


class TestPace:
    def paced(self, tmp_path: Path, *rates: float, warm: tuple[float, ...] = (25, 25, 25)) -> Measurement:
        """Measured requests at these rates, after warm-ups at those."""
        parts = speed_parts(requests=len(rates))
        starts = [exchange.t0_ns / 1e9 for exchange in parts.exchanges[2:]]
        parts.exchanges = [
            parts.exchanges[0],
            *(speed_exchange(100 + n, "warmup", tok_s=rate) for n, rate in enumerate(warm)),
            *(speed_exchange(n + 3, "measured", tok_s=rate, start_s=starts[n]) for n, rate in enumerate(rates)),
        ]
        parts.metrics_after = metrics_text(1000 + len(rates) * 96, 40.0 + sum(95 / rate for rate in rates))
        return measured(tmp_path, parts)

    def test_drift(self, tmp_path: Path) -> None:
        result = self.paced(tmp_path, 25.3, 25.3, 25, 25, 24.7, 24.7)
        assert (result.status, bad(result)) == (Validity.VALID, {})
        assert check(result, "DRIFT").observed == pytest.approx(-2.37, abs=0.01)
        assert line(result, "drift") == pytest.approx(2 / 3**0.5 * 0.0237 / 2, rel=1e-2)

    def test_a_drift_that_leaves_no_one_number(self, tmp_path: Path) -> None:
        result = self.paced(tmp_path, 27, 26.5, 25, 25, 24, 23)
        assert bad(result) == {"DRIFT": Status.WARN}
        assert result.status is Validity.SUSPECT
        assert "slower" in check(result, "DRIFT").hint

    @pytest.mark.parametrize(
        ("own", "cause"), [(1.2, "so was the processor itself, 16.7% slower"), (1.0, "the processor was as fast")]
    )
    def test_the_processors_own_pace_beside_a_drift(self, own: float, cause: str, tmp_path: Path) -> None:
        """Requests fast, then slow; and what a fixed sum took before each."""
        parts = speed_parts(requests=6)
        starts = [exchange.t0_ns / 1e9 for exchange in parts.exchanges[2:]]
        rates = (30, 30, 28, 27, 25, 25)
        parts.exchanges = [
            *parts.exchanges[:2],
            *(speed_exchange(n + 3, "measured", tok_s=rate, start_s=starts[n]) for n, rate in enumerate(rates)),
        ]
        slow = {exchange.id for exchange in parts.exchanges[-3:]}
        took = {line.request_id: 0.001 * (own if line.request_id in slow else 1) for line in parts.telemetry}
        parts.telemetry = [
            line.model_copy(update={"cpu": line.cpu.model_copy(update={"reference_s": took[line.request_id]})})
            for line in parts.telemetry
        ]
        parts.metrics_after = metrics_text(1000 + len(rates) * 96, 40.0 + sum(95 / rate for rate in rates))
        found = check(measured(tmp_path, parts), "DRIFT")
        assert found.status is Status.WARN
        assert cause in found.hint

    def test_not_sure_enough(self, tmp_path: Path) -> None:
        result = self.paced(tmp_path, 25, 28, 22, 25)
        assert bad(result)["INTERVAL"] is Status.WARN
        assert result.interval is not None
        low, high = result.interval
        assert check(result, "INTERVAL").observed == pytest.approx(100 * (high - low) / (high + low), abs=0.01)

    def test_scatter_is_stated_and_no_doubt(self, tmp_path: Path) -> None:
        result = self.paced(tmp_path, 25, 26, 24, 25)
        assert (result.status, bad(result)) == (Validity.VALID, {})
        assert result.uncertainty is not None
        assert 0.05 < result.uncertainty.relative < 0.06
        total = sum(each.relative**2 for each in result.uncertainty.budget) ** 0.5
        assert result.uncertainty.relative == pytest.approx(total, rel=1e-4)

    def test_one_request_says_nothing_of_pace(self, tmp_path: Path) -> None:
        result = self.paced(tmp_path, 25)
        assert bad(result) == dict.fromkeys(("STEADY", "DRIFT", "INTERVAL"), Status.UNKNOWN)

    def test_warm_up_that_was_over_is_reported(self, tmp_path: Path) -> None:
        found = check(self.paced(tmp_path, 25, 25, 25, warm=(20, 24.9, 25, 25.1)), "WARM_UP")
        assert (found.status, found.observed) == (Status.PASS, "4 requests, the last 3 within 0.4%")

    def test_its_cap_is_reported_and_does_no_harm_where_nothing_drifts(self, tmp_path: Path) -> None:
        result = self.paced(tmp_path, 25, 25, 25, warm=(22, 24, 25))
        found = check(result, "WARM_UP")
        assert found.status is Status.PASS
        assert found.observed == "3 requests, the last 3 within 6.5%, its cap"
        assert line(result, "warm-up") > 0.02

    def test_its_cap_and_a_drift(self, tmp_path: Path) -> None:
        result = self.paced(tmp_path, 25, 26, 28, warm=(20, 22, 24))
        assert check(result, "WARM_UP").status is Status.WARN
        assert check(result, "WARM_UP").hint


def test_old_evidence_without_moments_is_read_and_doubted(tmp_path: Path) -> None:
    parts = speed_parts()
    parts.moments = []
    parts.run = parts.run.model_copy(update={"engine_pids": (), "accelerators": None})
    result = measured(tmp_path, parts)
    assert result.status is Validity.SUSPECT
    assert result.decode_tok_s == 25.0
    assert set(bad(result)) <= OF_THE_BOX


def test_no_rule_of_the_box_asks_the_server(tmp_path: Path) -> None:
    """The selftest leaves these out: everything else must still be asked there."""
    ids = {found.id for found in measured(tmp_path, speed_parts(), Preflight(cases=(), tools=False)).checks}
    assert ids >= OF_THE_BOX
    assert ids >= HARD - {"CEILING", "ALL_ACTIVE", "LEDGER"}, "which are asked in cases of their own"
