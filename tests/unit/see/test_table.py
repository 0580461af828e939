"""Each row of the truth table, by a server that behaves so and by facts as they were seen."""

from pathlib import Path
from typing import Any

import pytest

from onbox.atomic_files import write_json
from onbox.evidence.folder import TrialFolder
from onbox.evidence.load import load_sight
from onbox.evidence.records import SightFacts, SightFlag, SightPlan
from onbox.judge.results import SightOutcome, SightResult
from onbox.judge.sight.table import judge_sight
from onbox.schema.sight import SightReason
from onbox.see.pictures import SMALL, Picture
from onbox.see.sight_session import SightSession
from onbox.wire.client import StampedClient
from onbox.wire.endpoint import Endpoint
from tests.doubles.script import HOSTILE
from tests.doubles.sighted import Answer, Reply, blind, reads, refusal, sighted
from tests.exchanges import call_delta, delta

PLAN = SightPlan(tries=4, seed=7, always=True)
HIDDEN = SightFlag(option="--language-model-only", where="recipe", remedy="vLLM 0.32.0: start it without it")
SEEN = SightFacts(tower=True, tower_seen="a tower", flags=(), template_needed=True, template_slot=True)
MMPROJ = "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj"


def judged(
    tmp_path: Path, answer: Answer, facts: SightFacts = SEEN, plan: SightPlan = PLAN, **more: Any
) -> SightResult:
    """Ask a server, keep the evidence, and judge it from the folder."""
    home = tmp_path / "c" / "vision"
    with sighted(plan, answer, **more) as server, StampedClient(Endpoint.parse(server.url)) as client:
        ended = SightSession(client, "m", plan, home).all()
    write_json(home / "see.json", facts.model_copy(update={"ended": ended}))
    evidence = load_sight(TrialFolder(tmp_path), "c")
    assert evidence is not None
    result = judge_sight(evidence)
    assert result is not None
    assert judge_sight(evidence) == result
    return result


class TestAnswers:
    def test_a_model_that_sees(self, tmp_path: Path) -> None:
        result = judged(tmp_path, reads)
        assert (result.sees, result.reason) == (True, SightReason.SEES)
        assert [(rate.read, rate.valid) for rate in result.rates] == [(4, 4), (4, 4)]
        assert result.rates[0].interval == pytest.approx((0.510109, 1.0))
        assert "4 text only and 4 blank" in result.controls
        assert [trial.control for trial in result.trials].count("blank") == 4
        assert {trial.kind for trial in result.trials} == {"words", "digits", "status", "chart"}
        assert result.missing == ()
        for trial in result.trials:
            assert trial.control == "text only" or (tmp_path / trial.image).stat().st_size > 100

    def test_seen_badly_at_the_smaller_size(self, tmp_path: Path) -> None:
        def answer(question: str, picture: Picture | None) -> str:
            return blind(question, picture) if picture and picture.size == SMALL else reads(question, picture)

        result = judged(tmp_path, answer)
        assert (result.sees, result.reason) == (True, SightReason.SEEN_BADLY)
        assert "4 of 4 at 768 x 512 px and 0 of 4 at 240 x 160 px" in result.detail

    def test_pictures_read_in_parts_are_seen_badly(self, tmp_path: Path) -> None:
        def answer(question: str, picture: Picture | None) -> str:
            return picture.expected[0] if picture and picture.kind in ("words", "status") else "no idea"

        result = judged(tmp_path, answer)
        assert (result.sees, result.reason) == (False, SightReason.SEEN_BADLY)

    def test_accepted_and_ignored_is_reported_by_the_control(self, tmp_path: Path) -> None:
        result = judged(tmp_path, blind)
        assert (result.sees, result.reason) == (False, SightReason.IGNORED)
        assert "as 100 tokens of the prompt, and none of 4 pictures is read" in result.detail
        assert len(result.rates) == 1  # nothing is asked of the smaller size

    def test_a_picture_that_never_reaches_the_prompt_is_reported_as_dropped(self, tmp_path: Path) -> None:
        result = judged(tmp_path, blind, image_tokens=0)
        assert result.reason is SightReason.IGNORED
        assert "dropped: the prompt is no longer" in result.detail

    def test_a_word_that_came_to_mind_without_a_picture_is_chance(self, tmp_path: Path) -> None:
        """A real model said `Sunset`, which was one of the three words."""
        from tests.doubles.sighted import album

        words = next(picture for picture in album(PLAN).values() if picture.kind == "words")

        def answer(question: str, picture: Picture | None) -> str:
            return words.expected[1] if picture is None and question == words.question else blind(question, picture)

        result = judged(tmp_path, answer)
        assert any(trial.found == 1 and trial.control for trial in result.trials)
        assert (result.sees, result.reason) == (False, SightReason.IGNORED)

    def test_a_server_that_answers_rightly_without_a_picture_proves_nothing(self, tmp_path: Path) -> None:
        from tests.doubles.sighted import album

        first = next(iter(album(PLAN).values()))

        def answer(question: str, picture: Picture | None) -> str:
            return reads(question, picture or first)

        result = judged(tmp_path, answer)
        assert (result.sees, result.reason) == (None, SightReason.UNKNOWN)
        assert "without a picture: the answers prove nothing" in result.detail

    def test_one_word_by_chance_is_no_sight(self, tmp_path: Path) -> None:
        def answer(question: str, picture: Picture | None) -> str:
            return picture.expected[0] if picture and picture.kind == "words" else "no idea"

        assert judged(tmp_path, answer).reason is SightReason.IGNORED


class TestCauses:
    @pytest.mark.parametrize("answer", [refusal(MMPROJ), "no idea"])
    @pytest.mark.parametrize(
        ("facts", "reason", "advice"),
        [
            ({"tower": False, "tower_seen": "no vision tower is in m.gguf"}, SightReason.NO_TOWER, ""),
            ({"flags": (HIDDEN,)}, SightReason.HIDDEN_BY_FLAG, HIDDEN.remedy),
            ({"flags": (HIDDEN,), "tower": None}, SightReason.HIDDEN_BY_FLAG, ""),
            ({"flags": (HIDDEN,), "tower": False}, SightReason.NO_TOWER, ""),
            (
                {
                    "projector_needed": True,
                    "projector_given": False,
                    "projector_beside": "/m/mmproj.gguf",
                    "remedies": {"no_projector_given": "llama.cpp b11549: --mmproj FILE"},
                },
                SightReason.NO_PROJECTOR_GIVEN,
                "llama.cpp b11549: --mmproj /m/mmproj.gguf",
            ),
            (
                {"template_slot": False, "remedies": {"no_image_slot": "vLLM: --chat-template FILE"}},
                SightReason.NO_IMAGE_SLOT,
                "vLLM: --chat-template FILE",
            ),
        ],
    )
    def test_a_cause_that_is_known(
        self, tmp_path: Path, answer: str | Reply, facts: dict[str, Any], reason: SightReason, advice: str
    ) -> None:
        result = judged(tmp_path, lambda question, picture: answer, SEEN.model_copy(update=facts))
        assert (result.sees, result.reason, result.advice) == (False, reason, advice)

    def test_refused_for_no_known_cause_is_reported_in_the_engines_words(self, tmp_path: Path) -> None:
        facts = SightFacts(remedies={"refused": "vLLM: start it without --language-model-only"})
        result = judged(tmp_path, lambda question, picture: refusal(MMPROJ), facts)
        assert (result.sees, result.reason) == (False, SightReason.REFUSED)
        assert MMPROJ in result.detail
        # It may be a text model: no flag is named, and what is missing is.
        assert result.advice == ""
        assert any("whether the weights hold a vision tower" in each for each in result.missing)
        assert any("options that the server was started with" in each for each in result.missing)
        assert len([t for t in result.trials if not t.control]) == 2  # two refusals are enough

    def test_sight_goes_before_every_fact(self, tmp_path: Path) -> None:
        facts = SightFacts(tower=False, flags=(HIDDEN,))
        assert judged(tmp_path, reads, facts).reason is SightReason.SEES

    def test_a_server_that_refuses_everything_is_no_blind_one(self, tmp_path: Path) -> None:
        broken = Reply(status=503)
        result = judged(tmp_path, lambda question, picture: broken, SightFacts(tower=False, tower_seen="none"))
        assert (result.sees, result.reason) == (None, SightReason.UNKNOWN)
        assert "refuses questions without a picture too" in result.detail

    def test_where_nobody_asked_there_is_no_result(self, tmp_path: Path) -> None:
        write_json(tmp_path / "c" / "vision" / "see.json", SightFacts(asked=False))
        evidence = load_sight(TrialFolder(tmp_path), "c")
        assert evidence is not None
        assert judge_sight(evidence) is None


class TestHostile:
    @pytest.mark.parametrize(
        ("reply", "outcome"),
        [
            (Reply(delta(content=HOSTILE)), SightOutcome.NOT_READ),
            (Reply(delta(content="<b>\x1b[2J</b>" * 200_000)), SightOutcome.NOT_READ),
            (Reply(call_delta("read_picture", {"words": "all"})), SightOutcome.NO_ANSWER),
            (Reply(delta(reasoning="let me think " * 100)), SightOutcome.NO_ANSWER),
            (Reply(delta("length", reasoning="hm")), SightOutcome.NO_ANSWER),
            (Reply(), SightOutcome.NO_ANSWER),
            (Reply("data: {not json\n\n"), SightOutcome.BROKEN),
            (Reply("data: [1, 2]\n\n"), SightOutcome.BROKEN),
        ],
    )
    def test_whatever_comes_is_data(self, tmp_path: Path, reply: Reply, outcome: SightOutcome) -> None:
        result = judged(tmp_path, lambda question, picture: reply if picture else "nothing")
        shown = [trial for trial in result.trials if not trial.control]
        assert {trial.outcome for trial in shown} == {outcome}
        assert all(len(trial.answer) <= 303 and len(trial.note) <= 300 for trial in shown)
        known = outcome is SightOutcome.NOT_READ
        assert result.reason is (SightReason.IGNORED if known else SightReason.UNKNOWN)
        assert result.sees is (False if known else None)

    def test_what_stands_in_the_reasoning_alone_counts_as_read(self, tmp_path: Path) -> None:
        def answer(question: str, picture: Picture | None) -> Reply:
            return Reply(delta("length", reasoning=reads(question, picture)))

        result = judged(tmp_path, answer)
        assert result.sees is True
        assert {trial.note for trial in result.trials if not trial.control} == {"in its reasoning"}
