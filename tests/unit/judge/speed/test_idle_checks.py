"""Whether anybody else was served, by the gauges that an engine's profile names."""

from pathlib import Path

from onbox.schema.checks import Status
from onbox.schema.engine_profile import CounterNames, EngineProfile
from tests.builders import speed_parts
from tests.unit.judge.speed.test_measurement import check, measured


def test_gauges_are_those_of_the_profile_that_was_recorded(tmp_path: Path) -> None:
    """Whatever a package calls them."""
    counters = CounterNames(generated=("nova:out_total",), running=("nova:active",))
    parts = speed_parts()
    for active, status in ((0.0, Status.PASS), (1.0, Status.FAIL)):
        known = {"profile": EngineProfile("nova", counters), "idle_before": ({"nova:active": active},) * 3}
        parts.run = parts.run.model_copy(update=known)
        assert check(measured(tmp_path / str(active), parts), "IDLE_BEFORE").status is status
    parts.run = parts.run.model_copy(update={"profile": None})
    assert check(measured(tmp_path / "unknown", parts), "IDLE_BEFORE").status is Status.UNKNOWN
