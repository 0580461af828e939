"""Several requests at a time: the steady window, the rate of all together, a server that makes some of them wait."""

from pathlib import Path

import pytest

from onbox.engines.openai.attached import AttachedServer
from onbox.evidence.folder import TrialFolder, read_lines
from onbox.evidence.load import load_speed
from onbox.evidence.records import Role, SpeedPlan, SpeedRecord
from onbox.judge.results import Measurement
from onbox.judge.speed.measurement import measure
from onbox.schema.checks import Status
from onbox.selftest.host import serving
from onbox.selftest.shapes import TokenTiming
from onbox.speed import scraping
from onbox.speed.measure import SpeedRun
from onbox.wire.client import StampedClient
from tests.builders import Contender, build_trial
from tests.unit.judge.speed.test_measurement import check


@pytest.mark.alone
def test_a_sweep_against_a_server_of_known_truth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its streams are independent: two together make twice as much."""
    monkeypatch.setattr(scraping, "IDLE_GAP_S", 0.0)
    plan = SpeedPlan(requests=3, tokens=32, warmup_requests_max=1, concurrency=(2, 3))
    folder = build_trial(tmp_path, [Contender("clean", Role.INCUMBENT, {})], runs=1, speed=False)
    place = folder.contender("clean") / "speed" / "1"
    with serving(["clean"], TokenTiming(prefill_s=0.05)) as endpoints, StampedClient(endpoints["clean"]) as client:
        run = SpeedRun(client, AttachedServer(), "clean", plan, place, launch_id="x", engine_pid=None)
        run.cold()
        run.measure()
    result = _of(folder)
    assert [each.profile["concurrency"] for each in result.cells] == [2, 3, 1]
    assert [each.requests for each in result.cells] == [4, 6, 3]
    two, three, _ = result.cells
    assert two.system_tok_s == pytest.approx(200.0, rel=0.15), "the machine that runs the tests may be busy"
    assert three.system_tok_s == pytest.approx(300.0, rel=0.15)
    for each in result.cells:
        assert {check(each, id).status for id in ("STRAY_TRAFFIC", "TOKEN_RESIDUAL", "COMPLETE")} == {Status.PASS}
    record = SpeedRecord.model_validate_json((place / "at-3" / "run.json").read_text())
    assert (record.concurrency, record.plan.requests, record.ended) == (3, 6, "complete")
    lines = list(read_lines(place / "at-3" / "requests.jsonl"))
    assert [line["id"] for line in lines] == list(range(1, 10))
    assert len({line["request"]["messages"][0]["content"] for line in lines}) == 9


def _of(folder: TrialFolder) -> Measurement:
    evidence = load_speed(folder, "clean")
    assert evidence is not None
    return measure(evidence)
