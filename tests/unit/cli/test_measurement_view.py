"""A measurement in the terminal: what is said of one that was cut off."""

from io import StringIO
from pathlib import Path

from rich.console import Console

from onbox.cli.ui.measurement import measurement as measurement_view
from onbox.judge.results import Measurement, Validity
from onbox.schema.checks import Status
from tests.builders import speed_parts
from tests.unit.judge.speed.test_measurement import measured


def lines_of(result: Measurement, folder: Path) -> list[str]:
    console = Console(width=300, file=StringIO())
    console.print(measurement_view(result, folder))
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return [line for line in text.splitlines() if line.startswith(("fail", "warn", "unknown"))]


def test_of_one_that_was_cut_off_the_cause_is_told_and_not_what_follows_from_it(tmp_path: Path) -> None:
    parts = speed_parts()
    parts.run = parts.run.model_copy(update={"ended": "ConnectionRefusedError: [Errno 111] Connection refused"})
    parts.metrics_before = parts.metrics_after = None
    result = measured(tmp_path, parts)
    assert result.status is Validity.INVALID
    assert sum(check.status is not Status.PASS for check in result.checks) > 1
    (line,) = lines_of(result, tmp_path)
    assert line.startswith("fail COMPLETE: The measurement ended early (ConnectionRefusedError")


def test_of_one_that_ended_every_doubt_is_told(tmp_path: Path) -> None:
    parts = speed_parts()
    parts.metrics_before = parts.metrics_after = None
    result = measured(tmp_path, parts)
    doubts = [check for check in result.checks if check.status is not Status.PASS]
    assert len(lines_of(result, tmp_path)) == len(doubts) > 0
