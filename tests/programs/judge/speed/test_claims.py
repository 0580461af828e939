"""Published rates against measurements, by the commands: reproduced only where everything is the same."""

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from onbox.cli.commands import judge as judge_command
from onbox.cli.commands import speed as speed_command
from onbox.evidence.claims_file import read_claims
from onbox.published import published
from onbox.selftest.host import serving
from onbox.selftest.shapes import TokenTiming
from onbox.speed import scraping
from tests.unit.judge.speed.test_claims import SAME


@pytest.mark.alone
def test_the_commands_measure_judge_and_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A served rate of 200 tok/s, claimed at 200: reproduced if all is stated, and judged again from the folder."""
    monkeypatch.setattr(scraping, "IDLE_GAP_S", 0.0)
    mine = tmp_path / "mine.yaml"
    same = {**SAME, "models": ["clean"], "tok_s": 200.0, "tolerance": 0.2, "tokens": 128, "box": None}
    mine.write_text(yaml.safe_dump({"claims": [same, {**same, "name": "other", "backend": "Marlin"}]}))
    out = tmp_path / "t"
    with serving(["clean"], TokenTiming(prefill_s=0.05, token_s=0.005)) as endpoints:
        url = f"http://127.0.0.1:{endpoints['clean'].port}/v1"
        words = [
            "--out",
            str(out),
            "--json",
            url,
            "--model",
            "clean",
            "--requests",
            "2",
            "--tokens",
            "128",
            "--at-least",
            "0",
        ]
        stated = ["--claims", str(mine), "--backend", "cutlass mxfp4", "--precision", "mxfp4 all"]
        done = CliRunner().invoke(speed_command.command, [*words, *stated])
    assert done.exception is None
    found = {claim["name"]: claim for claim in json.loads(done.stdout)["claims"]}
    assert set(found) == {"theirs", "other"}
    assert [d["what"] for d in found["other"]["differences"] if d["bars"]][-1] == "backend"
    assert [d["what"] for d in found["theirs"]["differences"] if d["bars"] and d["what"] != "value"] == []
    assert len(read_claims(out / "claims.yaml").claims) == len(published().claims) + 2
    mine.write_text(yaml.safe_dump({"claims": [{**same, "name": "third", "tokens": 32}]}))
    again = CliRunner().invoke(judge_command.command, [str(out), "--claims", str(mine)])
    assert again.exception is None
    assert "not comparable third, 200 tok/s" in again.stdout
    assert "window: claimed 32, here 128" in again.stdout
