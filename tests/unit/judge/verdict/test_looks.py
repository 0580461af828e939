"""Looks: boundaries that keep 5 percent, what the ledger says of looks, and that each look costs."""

import random
from pathlib import Path
from statistics import NormalDist

import pytest

from onbox.app.forerunners import forerunners_of
from onbox.app.more_runs import check_more, extend
from onbox.app.sealing import seal
from onbox.errors import UsageError
from onbox.evidence.extent import looks_asked, looks_made, next_look, runs_asked
from onbox.evidence.folder import TrialFolder
from onbox.evidence.records import Forerunner, LedgerEntry, LedgerKind, Plan
from onbox.judge.boundaries import e_process, levels, obrien_fleming
from onbox.judge.verdict.looks import UNPLANNED, looks_of, of_looks
from tests.builders import LARGE, SMALL, build_plan, build_trial
from tests.judging import judge

Z = NormalDist()


def entry(kind: LedgerKind, runs: int) -> LedgerEntry:
    return LedgerEntry(at="2026-11-23T12:00:00.000Z", kind=kind, subject=".", runs=runs)


def looked(*runs: int) -> list[LedgerEntry]:
    return [entry(LedgerKind.LOOKED, each) for each in runs]


def plan(**changes: object) -> Plan:
    return build_plan([SMALL, LARGE]).model_copy(update=changes)


class TestBoundaries:
    def test_one_look_is_the_usual_level(self) -> None:
        assert levels([7], [0.05]) == [pytest.approx(0.05)]

    def test_pocock_and_obrien_fleming_of_the_books(self) -> None:
        # Jennison and Turnbull 2000, tables 2.1 and 2.3, two-sided 0.05: the same spent at each look and what their
        # constants spend; here the spending of Lan and DeMets for two looks at half and all, by its own formula.
        first = obrien_fleming(0.5, 0.05)
        assert first == pytest.approx(2 - 2 * Z.cdf(1.959964 / 0.5**0.5), rel=1e-5)
        one, two = levels([1, 2], [first, 0.05 - first])
        assert one == pytest.approx(first, rel=1e-4)
        assert 0.045 < two < 0.05

    @pytest.mark.parametrize("looks", [[3, 5, 8, 12], [1, 2, 3, 4, 5]])
    def test_all_looks_together_err_as_often_as_is_spent(self, looks: list[int]) -> None:
        total = [obrien_fleming(look / looks[-1], 0.05) for look in looks]
        spent = [now - before for now, before in zip(total, [0.0, *total], strict=False)]
        bounds = [Z.inv_cdf(1 - level / 2) for level in levels(looks, spent)]
        draw, trials, errors = random.Random(5), 20000, 0
        for _ in range(trials):
            walk, before = 0.0, 0
            for look, bound in zip(looks, bounds, strict=True):
                walk += draw.gauss(0, (look - before) ** 0.5)
                before = look
                if abs(walk) > bound * look**0.5:
                    errors += 1
                    break
        assert 0.044 < errors / trials < 0.056


class TestEProcess:
    @pytest.mark.parametrize("rate", [0.2, 0.5, 0.9])
    def test_whoever_looks_after_every_pair_errs_in_five_of_a_hundred(self, rate: float) -> None:
        draw = random.Random(11)
        trials, wrong = 400, 0
        for _ in range(trials):
            hard = [rate * draw.random() + (1 - rate) * draw.random() ** 2 for _ in range(6)]
            pairs = [
                (str(task), draw.random() < share, draw.random() < share)
                for _ in range(20)
                for task, share in enumerate(hard)
            ]
            wrong += e_process(pairs) >= 20
        assert wrong <= 0.05 * trials

    def test_a_clear_difference_is_shown(self) -> None:
        assert e_process([("a", False, True)] * 12) > 20
        assert e_process([("a", True, True)] * 50) == 1
        assert e_process([]) == 1


class TestLedger:
    def test_a_fixed_plan_is_one_look(self) -> None:
        found = looks_of(plan(), [])
        assert (found.rule, found.level, found.error_bound) == ("one look", 0.05, 0.05)
        assert of_looks(found) == []

    def test_more_runs_than_planned_are_a_look_that_costs(self) -> None:
        found = looks_of(plan(), [*looked(3), entry(LedgerKind.EXTENDED, 6)])
        assert [(each.runs, each.planned) for each in found.made] == [(3, True), (6, False)]
        assert found.level < 0.02
        assert found.error_bound == pytest.approx(0.05 + UNPLANNED)
        assert "More runs were asked for" in of_looks(found)[0]
        again = looks_of(plan(), [*looked(3, 6), entry(LedgerKind.EXTENDED, 9)])
        assert again.level < found.level
        assert again.error_bound <= 0.06

    def test_looks_of_the_plan_share_five_percent(self) -> None:
        request = plan(runs=12, looks=(3, 5, 8, 12))
        levels_at = [looks_of(request, looked(*(3, 5, 8, 12)[: n + 1])).level for n in range(4)]
        assert levels_at == sorted(levels_at)
        assert levels_at[0] < 0.001 < 0.03 < levels_at[-1] < 0.05
        assert looks_of(request, looked(3, 5, 8, 12)).error_bound == 0.05

    def test_an_e_process_has_all_five_percent_at_each_look_and_intervals_share_them(self) -> None:
        request = plan(runs=12, looks=(3, 5, 8, 12), spending="e-process")
        first, last = looks_of(request, looked(3)), looks_of(request, looked(3, 5, 8, 12))
        assert (first.level, last.level) == (0.05, 0.05)
        assert first.interval_level < 0.001 < 0.03 < last.interval_level < 0.05
        further = looks_of(request, [*looked(3, 5, 8, 12), entry(LedgerKind.EXTENDED, 20)])
        assert (further.level, further.error_bound) == (0.05, 0.05)
        assert further.interval_level < 0.02
        assert "allows for" in of_looks(further)[1]
        before = Forerunner(name="first", created_at="2026-11-01", verdict="undecided")
        assert looks_of(request.model_copy(update={"forerunners": (before,)}), looked(3)).level == 0.005

    def test_runs_beyond_a_look_wait_for_the_next(self) -> None:
        request = plan(runs=12, looks=(3, 5, 8, 12))
        assert next_look(request, []) == 3
        assert next_look(request, looked(3)) == 3
        assert next_look(request, looked(3, 5)) == 5
        assert next_look(request, [*looked(3, 5, 8, 12), entry(LedgerKind.EXTENDED, 20)]) == 20
        assert looks_asked(request, [entry(LedgerKind.EXTENDED, 20)]) == (3, 5, 8, 12, 20)
        assert looks_made(looked(5, 3, 3)) == (3, 5)

    def test_a_forerunner_makes_it_harder(self) -> None:
        before = Forerunner(name="first", created_at="2026-11-01", verdict="undecided")
        one, two = (looks_of(plan(forerunners=(before,) * n), []) for n in (1, 2))
        assert (one.level, two.level) == (0.005, 0.0025)
        assert two.error_bound < 0.06
        assert "first asked the same before" in of_looks(one)[0]


class TestFolder:
    def test_the_verdict_is_of_the_last_look(self, tmp_path: Path) -> None:
        folder = build_trial(tmp_path / "trial", speed=False)
        plain = judge(folder)
        assert plain.looks is not None
        assert plain.looks.level == 0.05
        assert runs_asked(folder.plan(), folder.ledger()) == 3
        with pytest.raises(UsageError, match="has 3 runs"):
            check_more(folder, 3)
        extend(folder, 5)
        verdict = judge(folder)
        assert verdict.looks is not None
        assert [each.runs for each in verdict.looks.made] == [3, 5]
        assert [each.attempted for each in verdict.contenders] == [20, 20]
        assert verdict.verdict == "undecided", "eight runs of each are missing"

    def test_trials_beside_it_are_known(self, tmp_path: Path) -> None:
        first = build_trial(tmp_path / "first", speed=False)
        new = first.plan()
        assert forerunners_of(new, tmp_path / "second") == (), "it was not judged yet"
        seal(first)
        found = forerunners_of(new, tmp_path / "second")
        assert [(each.name, each.looks) for each in found] == [("first", 1)]
        assert forerunners_of(new, first.path) == (), "itself"
        fewer = new.model_copy(update={"tasks": new.tasks[:2]})
        assert forerunners_of(fewer, tmp_path / "second") == found, "a task left out makes no other question"
        fresh = [task.model_copy(update={"name": f"new-{n}"}) for n, task in enumerate(new.tasks)]
        more, twice = ({"tasks": (*new.tasks, *fresh[:of])} for of in (3, 4))
        assert forerunners_of(new.model_copy(update=more), tmp_path / "second") == found
        assert forerunners_of(new.model_copy(update=twice), tmp_path / "second") == ()
        later = TrialFolder.create(tmp_path / "second", new.model_copy(update={"forerunners": found}))
        assert judge(later).looks is not None
        assert judge(later).looks.level == 0.005  # type: ignore[union-attr]
