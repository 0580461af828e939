"""Runs side by side: pairs where files differ, answers once where they repeat, and both estimands."""

from collections.abc import Sequence
from fractions import Fraction

import pytest

from onbox.judge.statistics import stratified_permutation
from onbox.judge.verdict.cells import Cell, CountedRun, Slot, distinct, effective, repeats
from onbox.judge.verdict.pairing import TaskPair, TaskPairs, paired


def runs(letters: str, *, files: str = "", answers: Sequence[object | None] = ()) -> list[CountedRun]:
    """Runs by letter; `files` names each run's instance, `answers` what it said."""
    return [
        CountedRun(n, letter == "P", files[n - 1] if files else "", answers[n - 1] if answers else n)
        for n, letter in enumerate(letters, start=1)
    ]


def one(old: Sequence[CountedRun], new: Sequence[CountedRun]) -> TaskPairs:
    return paired({"t": old}, {"t": new})


class TestStrata:
    def test_the_same_files_make_all_runs_alike(self) -> None:
        found = one(runs("FFFFP", files="aaaaa"), runs("PPPPP", files="aaaaa"))
        assert found.suite_p == stratified_permutation([(5, 5, 1, 5)])

    def test_files_that_differ_make_pairs(self) -> None:
        found = one(runs("FFFFP", files="abcde"), runs("PPPPP", files="abcde"))
        assert found.suite_p == 2 / 2**4

    def test_hard_instances_are_no_noise_between_pairs(self) -> None:
        """Both fail the same half; the challenger wins six more: pairs show it, a pool would not."""
        old, new = "F" * 20 + "F" * 6 + "P" * 20, "F" * 20 + "P" * 6 + "P" * 20
        files = "".join(chr(48 + n) for n in range(46))
        assert one(runs(old, files=files), runs(new, files=files)).suite_p == 2 / 2**6
        assert (stratified_permutation([(26, 46, 20, 46)]) or 0) > 0.2

    def test_ends_that_agree_beyond_chance_make_pairs_of_the_same_files_too(self) -> None:
        old, new = "F" * 20 + "F" * 6 + "P" * 20, "F" * 20 + "P" * 6 + "P" * 20
        assert one(runs(old), runs(new)).suite_p == 2 / 2**6

    def test_other_files_for_the_same_number_make_no_pairs(self) -> None:
        found = one(runs("FFFFP", files="abcde"), runs("PPPPP", files="vwxyz"))
        assert found.suite_p == stratified_permutation([(5, 5, 1, 5)])

    def test_an_instance_that_only_one_has_is_left_out(self) -> None:
        old, new = runs("FFFFFFP", files="abcdefg"), runs("PPPPPPP", files="abcdefg")
        assert one(old[1:], new[:-1]).suite_p == 2 / 2**5
        assert one(old[1:], new[:-1]).difference == 1

    def test_runs_without_a_number_have_no_counterpart(self) -> None:
        old, new = ([CountedRun(None, letter == "P") for letter in letters] for letters in ("FFFP", "PPPPP"))
        assert one(old, new).suite_p == stratified_permutation([(5, 5, 1, 4)])
        assert one(old, new).tasks[0].pairs == []

    def test_arms_of_one_model_are_pairs(self) -> None:
        task = TaskPair("t", tuple(runs("FFFFFP")), tuple(runs("PPPPPP")), same_model=True)
        assert TaskPairs((task,)).suite_p == 2 / 2**5

    def test_one_task_one_run_and_none(self) -> None:
        assert one(runs("F"), runs("P")).suite_p == 1.0
        assert one(runs("F"), runs("P")).population_interval is None
        assert one([], runs("P")).tasks == ()
        assert one([], runs("P")).suite_p is None
        assert one([], runs("P")).interval is None


class TestRepeats:
    def test_each_answer_counts_once(self) -> None:
        message = runs("PPPPF", answers=["a", "a", "a", "a", "b"])
        assert sorted(repeats(message)) == [1, 4]
        assert distinct(message) == (1, 2)
        assert effective(repeats(message)) == pytest.approx(25 / 17)
        assert one(message, runs("FFFFF")).strata == [(0, 5, 1, 2)]

    def test_answers_that_cannot_be_compared_are_their_own(self) -> None:
        message = runs("PPF", answers=[None, None, None])
        assert repeats(message) == [1, 1, 1]
        assert distinct(message) == (2, 3)

    def test_the_same_words_with_another_end_are_two(self) -> None:
        assert sorted(repeats(runs("PF", answers=["a", "a"]))) == [1, 1]

    def test_an_interval_knows_less_of_copies(self) -> None:
        fresh = one(runs("PPFFPF"), runs("PPPPFF")).interval
        copied = one(runs("PPFFPF", answers="aabbcd"), runs("PPPPFF", answers="aabbcd")).interval
        assert fresh is not None
        assert copied is not None
        assert copied[1] - copied[0] > fresh[1] - fresh[0]


class TestTasks:
    def test_each_task_weighs_the_same_however_often_it_ran(self) -> None:
        found = paired({"a": runs("F" * 9), "b": runs("P")}, {"a": runs("P" * 9), "b": runs("F")})
        assert found.difference == 0
        assert found.tally == (1, 0, 1)
        assert found.population_p == 1.0

    def test_better_equal_and_worse(self) -> None:
        found = paired(
            {t: runs("PF") for t in "abc"}, {"a": runs("PP"), "b": runs("FP"), "c": runs("FF"), "d": runs("P")}
        )
        assert found.tally == (1, 1, 1)
        assert [task.difference for task in found.tasks] == [Fraction(1, 2), 0, Fraction(-1, 2)]

    def test_the_sum_over_tasks_is_that_of_the_strata(self) -> None:
        old, new = {"a": runs("FFF"), "b": runs("FFP")}, {"a": runs("PPP"), "b": runs("PPF")}
        assert paired(old, new).suite_p == stratified_permutation([(3, 3, 0, 3), (2, 3, 1, 3)])


def test_a_slot_counts_as_it_is_asked_to() -> None:
    lost, failed, passed = Slot(1, None), Slot(2, False, served=True), Slot(3, True)
    assert lost.counted() is None
    assert [
        each.passed for each in (lost.counted(unknown=True), failed.counted(served=True), passed.counted()) if each
    ] == [True] * 3
    cell = Cell((lost, failed, passed))
    assert (cell.passed, cell.n, cell.unknown, cell.served) == (1, 2, 1, 1)


class TestLostRuns:
    """Tasks that lost most of their runs."""

    def test_a_few_runs_of_a_task_are_not_made_surer_by_the_many_of_others(self) -> None:
        """Two tasks of one run each: as far off as two runs leave them, with two ninths of the weight."""
        full = {f"t{n}": runs("P" * 10) for n in range(7)}
        found = paired({**full, "a": runs("P"), "b": runs("P")}, {**full, "a": runs("P"), "b": runs("P")})
        bounds = found.interval
        two = paired({"a": runs("P"), "b": runs("P")}, {"a": runs("P"), "b": runs("P")}).interval
        assert bounds is not None
        assert two is not None
        assert bounds[1] > 2 / 9 * two[1]
        assert found.difference == 0

    def test_tasks_that_lost_a_few_are_taken_together_with_those_that_lost_none(self) -> None:
        whole = {f"t{n}": runs("PFPFPFPFPF") for n in range(6)}
        lost = {**whole, "t0": whole["t0"][:6]}
        assert len(paired(whole, lost)._groups) == 1
        assert len(paired(whole, {**whole, "t0": whole["t0"][:5]})._groups) == 2

    def test_runs_that_count_are_those_that_the_rates_are_of(self) -> None:
        """Where files differ a run without its counterpart is in no rate, and makes no rate surer."""
        old = {"t": runs("PPFPPFPPFP", files="abcdefghij")}
        both = {"t": runs("PP", files="ab")}
        assert paired(old, both).interval == paired({"t": old["t"][:2]}, both).interval
        same_files = {"t": runs("PPFPPFPPFP", files="a" * 10)}
        assert paired(same_files, {"t": runs("PP", files="aa")}).interval != paired(old, both).interval

    def test_the_planner_takes_them_apart_too(self) -> None:
        whole = {f"t{n}": runs("PFPFPFPFPF") for n in range(4)}
        lost = {**whole, "t0": whole["t0"][:1]}
        assert paired(whole, lost).half_if_equal(2, 0.9) > paired(whole, whole).half_if_equal(2, 0.9)
