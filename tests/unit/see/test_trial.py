"""A part of every trial: a contender of which something says that it sees is asked, and no other."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from onbox import TrialSpec, plan_trial, run_trial
from onbox.errors import BoxError
from onbox.evidence.records import OwnerValues, SightPlan
from onbox.judge.results import Verdict
from onbox.see.sight_subject import SightSubject, facts_about
from tests.doubles.projector import write_projector
from tests.doubles.sighted import MODELS, album, reads, sighted
from tests.unit.weights.checkpoints import write_gguf

SEED = 5
LLAMA = {"data": [{"id": "m", "owned_by": "llamacpp"}]}
METADATA = {
    "general.architecture": "llama",
    "llama.block_count": 1,
    "llama.embedding_length": 64,
    "llama.attention.head_count": 2,
}


def trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, vision: bool | None) -> Verdict:
    monkeypatch.setattr("secrets.randbelow", lambda below: SEED)
    gets: dict[str, Any] = {"/v1/models": MODELS if vision is None else LLAMA}
    if vision is not None:
        gets["/props"] = {"modalities": {"vision": vision}, "build_info": "b11549"}
    with sighted(SightPlan(seed=SEED), reads, gets) as server:
        spec = TrialSpec(contenders=(f"{server.url}/v1",), speed=None, bench=False)
        return run_trial(plan_trial(spec, tmp_path / "out")).verdict


def test_a_server_that_says_that_it_sees_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sight = trial(tmp_path, monkeypatch, True).contenders[0].sight
    assert sight is not None
    assert (sight.sees, len(sight.trials)) == (True, 16)
    facts = json.loads(next((tmp_path / "out").glob("*/vision/see.json")).read_text())
    assert (facts["engine"], facts["says"]) == ("llama.cpp b11549", True)


@pytest.mark.parametrize("vision", [False, None])
def test_one_that_does_not_say_so_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, vision: bool | None) -> None:
    assert trial(tmp_path, monkeypatch, vision).contenders[0].sight is None
    assert not list((tmp_path / "out").glob("*/vision"))


def test_without_pillow_a_trial_goes_on_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    album(SightPlan(seed=SEED))
    monkeypatch.setitem(sys.modules, "PIL", None)
    assert trial(tmp_path, monkeypatch, True).contenders[0].sight is None


def test_nor_does_one_end_where_all_were_to_be_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a plan for quants has it."""
    plan = SightPlan(seed=SEED, always=True)
    with sighted(plan, reads, {"/v1/models": MODELS}) as server:
        spec = TrialSpec(contenders=(f"{server.url}/v1",), speed=None, bench=False, see=plan)
        folder = plan_trial(spec, tmp_path / "out")
        monkeypatch.setitem(sys.modules, "PIL", None)
        notes = []
        result = run_trial(folder, show=lambda event: notes.append(str(getattr(event, "text", ""))))
    assert result.verdict.contenders[0].sight is None
    assert any("Pillow, which is not installed" in note for note in notes)


def test_what_must_see_is_not_begun_without_pillow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    spec = TrialSpec(contenders=("http://127.0.0.1:9/v1",), speed=None, bench=False, values=OwnerValues(must_see=True))
    with pytest.raises(BoxError, match="Pillow"):
        plan_trial(spec, tmp_path / "out")
    assert not (tmp_path / "out").exists()


class TestFacts:
    """What the files and the command line tell."""

    def facts(self, tmp_path: Path, *words: str, width: int | None = None) -> Any:
        from onbox.engines.llama.facts import FACTS

        model = tmp_path / "model.gguf"
        write_gguf(model, METADATA, {"blk.0.ffn_up.weight": ("Q8_0", (64, 64))})
        if width is not None:
            write_projector(tmp_path / "mmproj.gguf", width)
        line = ("llama-server", "-m", str(model), *words)
        return facts_about(SightSubject(FACTS, "b11549", line))

    def test_a_text_model_alone(self, tmp_path: Path) -> None:
        facts = self.facts(tmp_path)
        assert (facts.tower, facts.projector_given, facts.projector_beside, facts.flags) == (False, False, "", ())

    def test_a_projector_beside_that_fits(self, tmp_path: Path) -> None:
        facts = self.facts(tmp_path, width=64)
        assert (facts.tower, facts.projector_beside) == (True, str(tmp_path / "mmproj.gguf"))

    def test_a_projector_beside_that_does_not(self, tmp_path: Path) -> None:
        facts = self.facts(tmp_path, width=128)
        assert (facts.tower, facts.projector_beside) == (False, "")
        assert "has width 128, and the model 64" in facts.tower_seen

    def test_what_was_given_as_projector_and_is_none(self, tmp_path: Path) -> None:
        facts = self.facts(tmp_path, "--mmproj", str(tmp_path / "model.gguf"))
        assert (facts.tower, facts.projector_given) == (None, True)

    def test_of_a_server_that_nobody_sees_nothing_is_known(self) -> None:
        facts = facts_about(SightSubject(None))
        assert (facts.tower, facts.flags, facts.projector_given, facts.says) == (None, None, None, None)
        assert facts.unseen == ("which engine it is: the server does not say",)
