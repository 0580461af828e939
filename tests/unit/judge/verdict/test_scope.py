"""How far a verdict reaches, that treatments are no part of it, and that its advice could settle something."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from onbox.evidence.folder import TrialFolder
from onbox.evidence.records import ArmPlan, LedgerKind, Role
from onbox.judge.results import Verdict
from onbox.judge.verdict.advice import tasks_needed
from onbox.judge.verdict.scope import tally_words, these
from tests.builders import Contender, build_plan, build_trial, scripted_run, write_run
from tests.judging import judge

NINE = tuple("abcdefghi")


def judged(path: Path, old: Mapping[str, str], new: Mapping[str, str], runs: int | None = None) -> Verdict:
    contenders = [Contender("old", Role.INCUMBENT, old), Contender("new", Role.CHALLENGER, new)]
    return judge(build_trial(path / "trial", contenders, speed=False, runs=runs))


class TestScope:
    def test_all_of_a_difference_on_one_task_is_never_the_bare_word(self, tmp_path: Path) -> None:
        """0 of 45 against 5 of 45."""
        found = judged(tmp_path, dict.fromkeys(NINE, "FFFFF"), {**dict.fromkeys(NINE, "FFFFF"), "a": "PPPPP"})
        assert (found.verdict, found.scope, found.population.p) == ("switch", "these tasks", 1.0)
        assert found.headline.startswith("Switch to new, for these nine tasks: better on 1, equal on 8, worse on 0; ")
        assert found.tasks is not None
        assert (found.tasks.better, found.tasks.equal, found.tasks.worse) == (1, 8, 0)
        assert found.difference is not None
        assert found.difference.value == pytest.approx(1 / 9, abs=1e-5)

    def test_more_runs_of_the_same_tasks_are_not_advised_where_tasks_are_missing(self, tmp_path: Path) -> None:
        new = {**dict.fromkeys(NINE, "FFFFF"), "a": "PPPPP", "b": "PPPPP", "c": "PPPPP"}
        found = judged(tmp_path, dict.fromkeys(NINE, "FFFFF"), new)
        assert found.headline.startswith("Switch to new, for these nine tasks: better on 3, equal on 6, worse on 0; ")
        (step,) = found.would_settle
        assert step.startswith("Add tasks")
        assert "more runs of the same tasks cannot" in step

    def test_better_on_every_task_is_the_bare_word(self, tmp_path: Path) -> None:
        found = judged(tmp_path, dict.fromkeys(NINE, "FFFP"), dict.fromkeys(NINE, "PPPP"))
        assert (found.verdict, found.scope) == ("switch", "tasks like these")
        assert found.headline == "Switch to new: new passes 36 of 36 valid runs where old passes 9 of 36."
        assert found.would_settle == ()

    def test_worse_on_every_task_is_a_bare_keep(self, tmp_path: Path) -> None:
        found = judged(tmp_path, dict.fromkeys(NINE, "PPPP"), dict.fromkeys(NINE, "FFFP"))
        assert found.scope == "tasks like these"
        assert found.headline.startswith("Keep old: ")

    def test_small_gains_everywhere_do_not_outweigh_a_task_that_was_not_drawn(self, tmp_path: Path) -> None:
        """Better by a fifth on all nine: p over tasks is 0.004, and one more task lost as a whole turns the mean."""
        found = judged(tmp_path, dict.fromkeys(NINE, "FFFFF"), dict.fromkeys(NINE, "PFFFF"))
        assert (found.verdict, found.scope) == ("switch", "these tasks")
        assert found.population.p == pytest.approx(2 / 2**9, rel=1e-4)
        assert any("one more task lost as a whole" in reason for reason in found.reasons)

    def test_an_undecided_verdict_has_none(self, tmp_path: Path) -> None:
        found = judged(tmp_path, {"a": "PF"}, {"a": "PP"})
        assert (found.verdict, found.scope) == ("undecided", None)


class TestAdvice:
    def test_a_run_is_not_repeated_where_the_bracket_agrees(self, tmp_path: Path) -> None:
        found = judged(tmp_path, dict.fromkeys(NINE, "FFFFFF"), dict.fromkeys(NINE, "PPPPPI"))
        assert found.bracket == ("switch", "switch")
        assert found.would_settle == ()

    def test_it_is_where_it_could_turn_the_verdict(self, tmp_path: Path) -> None:
        found = judged(tmp_path, dict.fromkeys("abcd", "FFPFI"), dict.fromkeys("abcd", "PPFPI"))
        assert found.verdict == "undecided"
        assert any(step.startswith("Repeat 4 runs of new") for step in found.would_settle)

    def test_where_no_number_of_runs_would_distinguish_them_that_is_reported(self, tmp_path: Path) -> None:
        found = judged(tmp_path, dict.fromkeys("abcd", "FPFP" * 8), dict.fromkeys("abcd", "PFPF" * 8))
        assert found.verdict == "undecided"
        assert any(step.startswith("Hardly any number of runs") for step in found.would_settle)

    def test_nothing_is_run_once_more_for_luck(self, tmp_path: Path) -> None:
        found = judged(tmp_path, dict.fromkeys("abcd", "FFFP"), dict.fromkeys("abcd", "FPFP"))
        assert found.verdict == "undecided"
        assert not any("once more" in step for step in found.would_settle)

    def test_how_many_tasks(self) -> None:
        assert tasks_needed([1.0] * 6, better=True) == 7
        assert tasks_needed([-1.0] * 6, better=False) == 7
        assert tasks_needed([0.0] * 6, better=True) is None
        few, many = tasks_needed([0.6, 0.4] * 4, better=True), tasks_needed([0.3, 0.1] * 4, better=True)
        assert few is not None
        assert many is not None
        assert 8 < few < many


class TestArms:
    def test_a_treatment_that_breaks_the_incumbent_is_no_reason_to_switch(self, tmp_path: Path) -> None:
        names = [
            Contender("old", Role.INCUMBENT, dict.fromkeys(NINE, "PPPP")),
            Contender("new", Role.CHALLENGER, dict.fromkeys(NINE, "PPPP")),
        ]
        folder = build_trial(tmp_path / "trial", names, speed=False)
        plan = build_plan(names).model_copy(
            update={"arms": ("baseline", "notes"), "treatments": (ArmPlan(name="notes", nudges=1),)}
        )
        (folder.path / "plan.yaml").write_text(plan.model_dump_json())  # JSON is YAML
        for task in NINE:
            for n in range(1, 5):
                write_run(folder, *scripted_run("F", "old", task, n, arm="notes"))
                write_run(folder, *scripted_run("P", "new", task, n, arm="notes"))
        found = judge(folder)
        assert found.verdict != "switch"
        assert {(each.passed, each.valid, each.attempted) for each in found.contenders} == {(36, 36, 36)}
        assert found.difference is not None
        assert found.difference.value == 0
        broken, kept = found.arms
        assert (broken.worse, broken.scope) == (36, "tasks like these")
        assert broken.population_p == pytest.approx(2 / 2**9, rel=1e-4)
        assert (kept.p, kept.scope) == (None, None)

    @pytest.mark.parametrize(
        ("looks", "message", "scope"),
        [((), "hardly chance", "these tasks"), ((3, 12), "may well be chance", None)],
    )
    def test_an_arm_pays_for_a_look_as_a_verdict_does(
        self, tmp_path: Path, looks: tuple[int, ...], message: str, scope: str | None
    ) -> None:
        """Eight pairs better and none worse, p = 0.008: after 3 of 12 runs that is not below its level."""
        names = [Contender("old", Role.INCUMBENT, dict.fromkeys(NINE, "PFF"))]
        folder = build_trial(tmp_path / "trial", names, speed=False)
        changes = {"arms": ("baseline", "notes"), "treatments": (ArmPlan(name="notes", nudges=1),)}
        runs = {"looks": looks, "runs": looks[-1]} if looks else {}
        plan = build_plan(names).model_copy(update={**changes, **runs})
        (folder.path / "plan.yaml").write_text(plan.model_dump_json())
        for task in NINE:
            for n, letter in enumerate("PPF" if task != "a" else "PFF", start=1):
                write_run(folder, *scripted_run(letter, "old", task, n, arm="notes"))
        folder.note(LedgerKind.LOOKED, ".", "after 3 runs of each task", runs=3)
        found = judge(folder)
        (arm,) = found.arms
        assert (arm.better, arm.worse, arm.scope) == (8, 0, scope)
        assert arm.p == pytest.approx(2 / 2**8, rel=1e-4)
        assert any("arm notes" in reason and message in reason for reason in found.reasons), found.reasons


def test_where_both_pass_as_often_no_difference_is_spoken_of(tmp_path: Path) -> None:
    names = [
        Contender("old", Role.INCUMBENT, dict.fromkeys(NINE, "PF")),
        Contender("new", Role.CHALLENGER, dict.fromkeys(NINE, "FP")),
    ]
    found = judge(build_trial(tmp_path / "trial", names, speed=False))
    assert found.reasons[0].startswith("On these tasks both pass as often, which shows no difference"), found.reasons
    assert "such a difference" not in " ".join(found.reasons)


def test_an_equal_one_that_is_ten_times_faster_is_not_hidden_behind_a_better_one(tmp_path: Path) -> None:
    names = [
        Contender("old", Role.INCUMBENT, dict.fromkeys(NINE, "PFPF")),
        Contender("better", Role.CHALLENGER, dict.fromkeys(NINE, "PPPP")),
        Contender("quick", Role.CHALLENGER, dict.fromkeys(NINE, "FPFP")),
    ]
    folder = TrialFolder.create(tmp_path / "trial", build_plan(names))
    for each, seconds in zip(names, (12.0, 12.0, 1.2), strict=True):
        for task, letters in each.runs.items():
            for n, letter in enumerate(letters, start=1):
                record, exchanges = scripted_run(letter, each.name, task, n)
                write_run(folder, record.model_copy(update={"seconds": seconds * (1 + 0.05 * (n * 7 % 5))}), exchanges)
    found = judge(folder)
    assert found.verdict == "switch"
    assert found.headline.startswith("Switch to better")
    (result,) = [reason for reason in found.reasons if reason.startswith("quick passes 18 of 36")]
    assert "0.1 times as long for the same work" in result
    assert {(row.old, row.new): row.pace.value for row in found.pairs}["old", "quick"] == "faster"


def test_words() -> None:
    assert [these(n) for n in (1, 9, 27)] == ["this one task", "these nine tasks", "these 27 tasks"]
    assert tally_words((3, 6, 0)) == "better on 3, equal on 6, worse on 0"
