"""Several requests at a time: the steady window, the rate of all together, a server that makes some of them wait."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from onbox.cli.commands import speed as cli
from onbox.errors import UsageError
from onbox.evidence.decode_rate import digest
from onbox.evidence.folder import TrialFolder
from onbox.evidence.load import load_speed
from onbox.evidence.records import Role
from onbox.judge.results import Measurement, Validity
from onbox.judge.speed.concurrency import ConcurrentWindow, concurrent_window
from onbox.judge.speed.measurement import measure
from onbox.schema.checks import Status
from tests.builders import Contender, SpeedParts, build_trial, metrics_text, quiet_moments, speed_exchange, speed_parts
from tests.unit.judge.speed.test_measurement import bad, check


def cell(
    concurrency: int, starts_s: list[float], tok_s: float = 20.0, tokens: int = 96
) -> tuple[SpeedParts, ConcurrentWindow | None]:
    """Rounds of requests that begin at these moments, each decoding at that rate."""
    made = [
        speed_exchange(n, "measured", tok_s=tok_s, start_s=start, tokens=tokens) for n, start in enumerate(starts_s, 1)
    ]
    parts = speed_parts()
    window = parts.telemetry[0]
    parts.exchanges = made
    parts.telemetry = [window.model_copy(update={"request_id": exchange.id}) for exchange in made]
    parts.moments = quiet_moments(0.0, max(starts_s) + 2 * tokens / tok_s)
    spent_s = len(made) * (tokens - 1) / tok_s
    parts.metrics_after = metrics_text(1000 + len(made) * tokens, 40.0 + spent_s)
    plan = parts.run.plan.model_copy(update={"requests": len(made)})
    parts.run = parts.run.model_copy(update={"concurrency": concurrency, "plan": plan})
    return parts, concurrent_window([digest(exchange) for exchange in made], made, concurrency)


class TestWindow:
    def test_two_in_step(self) -> None:
        _, found = cell(2, [1.0, 1.0, 10.0, 10.0])
        assert found is not None
        assert found.tok_s == pytest.approx(40.0)
        assert found.share == 1.0

    def test_only_while_all_are_active(self) -> None:
        """The second comes a second later: what one of them makes alone is not of both together."""
        _, found = cell(2, [1.0, 2.0])
        assert found is not None
        assert found.tok_s == pytest.approx(40.0)
        assert found.active_s == pytest.approx(95 / 20 - 1)
        assert found.span_s == pytest.approx(95 / 20 + 1)

    def test_between_two_tokens(self) -> None:
        _, found = cell(3, [1.0, 1.017, 1.033])
        assert found is not None
        assert found.tok_s == pytest.approx(60.0, rel=1e-3)

    def test_one_after_the_other(self) -> None:
        _, found = cell(2, [1.0, 7.0])
        assert found is not None
        assert (found.tok_s, found.share) == (None, 0.0)

    def test_one_at_a_time_has_none(self) -> None:
        assert cell(1, [1.0, 7.0])[1] is None

    def test_a_round_that_was_broken_off_is_left_out(self) -> None:
        _, found = cell(2, [1.0, 1.0, 10.0])
        assert found is not None
        assert found.tok_s == pytest.approx(40.0)


def swept(tmp_path: Path, *cells: SpeedParts, tok_s: float = 25.0) -> Measurement:
    """One at a time, then these."""
    parts = speed_parts(tok_s)
    at = [each.run.concurrency for each in cells]
    plan = parts.run.plan.model_copy(update={"concurrency": tuple(n for n in at if n > 1)})
    parts.run = parts.run.model_copy(update={"plan": plan})
    folder = build_trial(tmp_path, [Contender("small", Role.INCUMBENT, {}, speed=parts)], runs=1)
    for each in cells:
        each.write(folder.contender("small") / "speed" / "1" / f"at-{each.run.concurrency}")
    evidence = load_speed(folder, "small")
    assert evidence is not None
    return measure(evidence)


class TestJudged:
    def test_each_cell_is_judged_like_the_whole(self, tmp_path: Path) -> None:
        two, again = cell(2, [1.0, 1.0, 10.0, 10.0])[0], cell(1, [1.0, 7.0, 13.0, 19.0], tok_s=25.0)[0]
        result = swept(tmp_path, two, again)
        assert bad(result) == {}
        assert (result.decode_tok_s, result.system_tok_s) == (25.0, None)
        both, last = result.cells
        assert (both.status, both.decode_tok_s, both.system_tok_s) == (Validity.VALID, 20.0, 40.0)
        assert (both.profile["concurrency"], last.profile["concurrency"]) == (2, 1)
        assert "ALL_ACTIVE" not in {found.id for found in result.checks}

    def test_a_server_that_makes_one_wait(self, tmp_path: Path) -> None:
        waiting = cell(2, [1.0, 7.0, 20.0, 27.0])[0]
        (both,) = swept(tmp_path, waiting).cells
        assert bad(both) == {"ALL_ACTIVE": Status.FAIL}
        assert (both.status, both.decode_tok_s, both.system_tok_s) == (Validity.INVALID, None, None)

    def test_a_drift_over_the_sweep(self, tmp_path: Path) -> None:
        again = cell(1, [1.0, 7.0, 13.0, 19.0], tok_s=22.0)[0]
        result = swept(tmp_path, cell(2, [1.0, 1.0])[0], again)
        assert bad(result) == {"DRIFT": Status.WARN}
        assert check(result, "DRIFT").observed == -12.0


@pytest.mark.parametrize("text", ["0", "two", "1,,2", "-1", "1,9999"])
def test_a_mistake_is_named(text: str) -> None:
    result = CliRunner().invoke(cli.command, ["http://127.0.0.1:1/v1", "--concurrency", text])
    assert isinstance(result.exception, UsageError)
    assert f"--concurrency {text}" in result.exception.message


def test_a_cell_that_was_never_finished_is_not_there(tmp_path: Path) -> None:
    result = swept(tmp_path, cell(2, [1.0, 1.0])[0])
    folder = TrialFolder.open(tmp_path)
    (folder.contender("small") / "speed" / "1" / "at-2" / "run.json").unlink()
    evidence = load_speed(folder, "small")
    assert evidence is not None
    assert (len(result.cells), len(measure(evidence).cells)) == (1, 0)
