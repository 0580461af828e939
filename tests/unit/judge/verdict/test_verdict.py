"""The verdict: what it concludes, what it refuses to conclude, and that it depends on the evidence alone."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onbox.atomic_files import write_json
from onbox.evidence.folder import TrialFolder
from onbox.evidence.records import AgentStop, Audited, LedgerKind, Preflight, PreflightCase, Role, RunRecord
from onbox.judge.comparison_results import Basis
from onbox.judge.results import Validity, Verdict
from onbox.judge.verdict.checks import tasks_unseen
from onbox.schema.checks import Check, Status
from tests.builders import (
    COHERENT,
    SMALL,
    Contender,
    build_plan,
    build_trial,
    run_record,
    scripted_run,
    speed_parts,
    write_run,
)
from tests.exchanges import call_reply, text_reply
from tests.judging import judge

TASKS = ("a", "b", "c", "d")


def trial(path: Path, old: str, new: str, *more: str, runs: int | None = None) -> Verdict:
    """The verdict on contenders whose runs are the same letters on each of four tasks."""
    letters = {"old": old, "new": new, **{f"new{n}": each for n, each in enumerate(more, start=2)}}
    return judged(path, {name: dict.fromkeys(TASKS, each) for name, each in letters.items()}, runs=runs)


def judged(path: Path, letters: Mapping[str, Mapping[str, str]], runs: int | None = None) -> Verdict:
    contenders = [
        Contender(name, Role.CHALLENGER if n else Role.INCUMBENT, each)
        for n, (name, each) in enumerate(letters.items())
    ]
    return judge(build_trial(path / "trial", contenders, speed=False, runs=runs))


def check(verdict: Verdict, id: str, contender: str) -> Check:
    return next(c for c in verdict.checks if c.id == id and c.evidence.startswith(contender))


class TestRule:
    def test_a_clear_difference_is_a_switch(self, tmp_path: Path) -> None:
        verdict = trial(tmp_path, "FFFP", "PPPP")
        assert verdict.verdict == "switch"
        assert verdict.fixed_suite.p is not None
        assert verdict.fixed_suite.p < 0.05
        assert verdict.headline == (
            "Switch to new, for these four tasks: better on 4, equal on 0, worse on 0; "
            "new passes 16 of 16 valid runs where old passes 4 of 16."
        )

    def test_a_worse_challenger_is_a_keep(self, tmp_path: Path) -> None:
        verdict = trial(tmp_path, "PPPP", "FFFP")
        assert verdict.verdict == "keep"
        assert verdict.headline.startswith("Keep old")

    @pytest.mark.parametrize(("old", "new"), [("P", "F"), ("F", "P"), ("PF", "PP"), ("PPF", "PPF"), ("PPP", "PPP")])
    def test_thin_evidence_is_undecided(self, tmp_path: Path, old: str, new: str) -> None:
        verdict = trial(tmp_path, old, new)
        assert verdict.verdict == "undecided"
        assert verdict.would_settle

    def test_no_better_and_no_faster_with_much_evidence_is_a_keep(self, tmp_path: Path) -> None:
        verdict = trial(tmp_path, "P" * 12, "P" * 12)
        assert verdict.verdict == "keep"
        assert any(c.id == "ALL_OR_NONE" and c.status is Status.WARN for c in verdict.checks)

    @pytest.mark.parametrize(
        ("old", "new", "advice"),
        [
            ("FFFF", "MFFF", "pass none: take easier tasks."),
            ("LLFL", "FLLL", "24 of 32 valid runs failed by a limit or the serving, most often S-LEAK: mend that"),
            ("PPPP", "PPPP", "pass all: take harder tasks."),
        ],
    )
    def test_easier_tasks_are_advised_where_the_models_failed(
        self, tmp_path: Path, old: str, new: str, advice: str
    ) -> None:
        (stuck,) = (check for check in trial(tmp_path, old, new).checks if check.id == "ALL_OR_NONE")
        assert stuck.status is Status.WARN
        assert advice in stuck.hint

    def test_as_good_and_faster_is_a_switch_for_speed(self, tmp_path: Path) -> None:
        folder = build_trial(
            tmp_path / "trial",
            [Contender("old", Role.INCUMBENT, {"a": "P" * 48}), Contender("new", Role.CHALLENGER, {"a": "P" * 48})],
            speed=False,
        )
        for path in (folder.path / "new").glob("runs/*/*/*/run.json"):
            write_json(path, folder.read(RunRecord, path).model_copy(update={"seconds": 3.0}))
        verdict = judge(folder)
        assert (verdict.verdict, verdict.basis) == ("switch", Basis.SPEED)
        assert verdict.headline.startswith("Switch to new for speed, for this one task: new is equal within 10 points")
        assert verdict.contenders[1].seconds_to_pass == 3.0

    def test_a_model_that_its_server_does_not_list_is_a_warning_of_the_trial(self, tmp_path: Path) -> None:
        case = PreflightCase(name="model", status="warn", detail="the server lists another", remedy="--model other")
        request = Preflight(cases=(case,), tools=True)
        contenders = [
            Contender("old", Role.INCUMBENT, {"a": "PP"}, preflight=request),
            Contender("new", Role.CHALLENGER, {"a": "PP"}, preflight=COHERENT),
        ]
        verdict = judge(build_trial(tmp_path / "trial", contenders))
        (found,) = (check for check in verdict.checks if check.id == "MODEL_NAME")
        assert (found.status, found.evidence) == (Status.WARN, "old/preflight.json")

    def test_none_passes_is_no_reason_to_keep(self, tmp_path: Path) -> None:
        assert trial(tmp_path, "F" * 12, "F" * 12).verdict == "undecided"

    def test_one_contender_has_nothing_to_be_compared_with(self, tmp_path: Path) -> None:
        verdict = judge(build_trial(tmp_path / "trial", [SMALL]))
        assert verdict.verdict == "undecided"
        assert (
            verdict.headline == "small passes 4 of 12 valid runs (10 % to 65 %); there is nothing to compare it with."
        )
        assert (verdict.fixed_suite.p, verdict.population.p, verdict.bracket) == (None, None, None)

    def test_several_challengers_pay_for_it(self, tmp_path: Path) -> None:
        alone = trial(tmp_path / "two", "FFP", "PPP")
        among = trial(tmp_path / "four", "FFP", "PPP", "FFP", "FPP")
        assert alone.fixed_suite.p is not None
        assert among.fixed_suite.p == pytest.approx(3 * alone.fixed_suite.p, rel=1e-4)
        assert "Holm" in among.fixed_suite.detail
        assert "new passes 12" in among.headline


class TestInvalid:
    def test_apart_and_never_counted(self, tmp_path: Path) -> None:
        verdict = trial(tmp_path, "PPPF", "PPPI")
        new = verdict.contenders[1]
        assert (new.passed, new.valid, new.invalid, new.attempted) == (12, 12, 4, 16)
        assert new.pass_rate == 1.0
        assert new.invalid_reasons == {"I-SANDBOX": 4}
        assert [cell.invalid for cell in new.cells] == [1, 1, 1, 1]

    def test_a_verdict_that_they_could_turn_is_none(self, tmp_path: Path) -> None:
        firm = trial(tmp_path / "firm", "FFPFF", "PPPPF")
        shaky = trial(tmp_path / "shaky", "FFPFI", "PPFPI")
        assert (firm.verdict, firm.bracket) == ("switch", None)
        assert shaky.verdict == "undecided"
        assert shaky.bracket == ("undecided", "switch")
        assert any("could turn it" in reason for reason in shaky.reasons)

    def test_a_verdict_that_they_could_not_turn_stands(self, tmp_path: Path) -> None:
        verdict = trial(tmp_path, "FFFFFF", "PPPPPI")
        assert (verdict.verdict, verdict.bracket) == ("switch", ("switch", "switch"))

    def test_too_few_valid_runs_conclude_nothing(self, tmp_path: Path) -> None:
        verdict = trial(tmp_path, "FFFFFF", "PPPPII")
        assert verdict.bracket == ("switch", "switch")
        assert verdict.verdict == "undecided"
        assert check(verdict, "COVERAGE", "new").status is Status.FAIL
        assert check(verdict, "COVERAGE", "old").status is Status.PASS

    def test_missing_runs_are_no_better_than_invalid_ones(self, tmp_path: Path) -> None:
        verdict = trial(tmp_path, "FFFF", "PPPP", runs=8)
        assert verdict.verdict == "undecided"
        assert verdict.bracket is not None
        assert check(verdict, "PLAN_COMPLETE", "new").status is Status.WARN

    def test_struck_out_in_the_ledger(self, tmp_path: Path) -> None:
        folder = build_trial(tmp_path / "trial")
        subject = "large/runs/rename/baseline/1"
        folder.note(LedgerKind.INVALIDATED, subject, "the box was asleep")
        struck = next(run for run in judge(folder).runs if run.folder == subject)
        assert (struck.code, struck.detail) == ("I-STRUCK", "It was struck out in the ledger: the box was asleep.")
        folder.note(LedgerKind.ACCEPTED, subject)
        assert next(run for run in judge(folder).runs if run.folder == subject).code == "PASS"

    def test_runs_beyond_the_plan_do_not_count(self, tmp_path: Path) -> None:
        folder = build_trial(tmp_path / "trial")
        before = judge(folder)
        write_run(folder, *scripted_run("P", "small", "rename", 9))
        write_run(folder, *scripted_run("P", "small", "not-planned", 1))
        assert judge(folder) == before


class TestServing:
    def test_counted_as_served_and_as_it_could_be(self, tmp_path: Path) -> None:
        verdict = trial(tmp_path, "PPPP", "LLLP")
        new = verdict.contenders[1]
        assert (new.passed, new.valid, new.pass_rate, new.if_served_correctly) == (4, 16, 0.25, 1.0)
        assert verdict.verdict == "keep"
        assert "Had no run failed in serving, the verdict on these runs could be undecided." in verdict.reasons
        assert any("tool parser" in step for step in verdict.would_settle)
        assert check(verdict, "SERVING", "new").observed == 12


class TestTasks:
    def judged(self, path: Path, instances: dict[str, str], audit: Audited | None) -> Verdict:
        names = [Contender("old", Role.INCUMBENT, {TASKS[0]: "P"}), Contender("new", Role.CHALLENGER, {TASKS[0]: "P"})]
        plan = build_plan(names)
        plan = plan.model_copy(update={"tasks": tuple(t.model_copy(update={"audit": audit}) for t in plan.tasks)})
        folder = build_trial(path / "trial", names, speed=False)
        (folder.path / "plan.yaml").write_text(plan.model_dump_json())  # JSON is YAML
        for name, sha256 in instances.items():
            record = run_record(contender=name, task=TASKS[0], n=1, seed=1, instance_sha256=sha256)
            write_run(folder, record, [call_reply("sed", id=1), text_reply("Done.", id=2, start_s=5)])
        return judge(folder)

    def test_the_same_files_for_every_contender(self, tmp_path: Path) -> None:
        found = {c.id: c for c in self.judged(tmp_path, {"old": "1" * 64, "new": "1" * 64}, "builtin").checks}
        assert found["SAME_INSTANCES"].status is Status.PASS
        assert found["TASKS_AUDITED"].status is Status.PASS

    def test_other_files_for_the_same_seed_are_a_fail(self, tmp_path: Path) -> None:
        found = {c.id: c for c in self.judged(tmp_path, {"old": "1" * 64, "new": "2" * 64}, None).checks}
        assert (found["SAME_INSTANCES"].status, found["SAME_INSTANCES"].observed) == (Status.FAIL, 1)
        assert TASKS[0] in found["SAME_INSTANCES"].hint

    def test_a_gate_that_was_not_audited_is_warned_of(self, tmp_path: Path) -> None:
        found = {c.id: c for c in self.judged(tmp_path, {}, "not asked").checks}
        assert found["TASKS_AUDITED"].status is Status.WARN
        assert TASKS[0] in found["TASKS_AUDITED"].hint


class TestTasksOfCommits:
    @pytest.mark.parametrize(
        ("committed", "released", "status", "words"),
        [
            ("2024-05-01", "2024-09-19", Status.WARN, "was published on 2024-09-19: it may have seen them"),
            ("2024-09-19", "2024-09-19", Status.WARN, "it may have seen them"),
            ("2025-01-01", "2024-09-19", Status.PASS, ""),
            ("2025-01-01", "", Status.WARN, "whether it may have seen them is unknown"),
        ],
    )
    def test_older_than_the_model(self, committed: str, released: str, status: Status, words: str) -> None:
        names = [Contender("old", Role.INCUMBENT, {TASKS[0]: "P"}), Contender("new", Role.CHALLENGER, {TASKS[0]: "P"})]
        plan = build_plan(names)
        tasks = tuple(task.model_copy(update={"committed": committed}) for task in plan.tasks)
        contenders = tuple(
            c.model_copy(update={"recipe": c.served.model_copy(update={"released": released})}) for c in plan.contenders
        )
        found = tasks_unseen(plan.model_copy(update={"tasks": tasks, "contenders": contenders}))
        assert [check.status for check in found] == [status] * len(plan.contenders)
        assert all(words in check.hint for check in found)
        assert tasks_unseen(plan) == ()


class TestAtATime:
    def judged(self, path: Path, *, new: int, parallel: int = 3, late: bool = False) -> Verdict:
        """Two contenders, three runs of a task; the incumbent's beside two others, the challenger's beside `new`."""
        names = [
            Contender(name, role, {TASKS[0]: "FFF"})
            for name, role in (("old", Role.INCUMBENT), ("new", Role.CHALLENGER))
        ]
        folder = build_trial(path / "trial", names, speed=False)
        plan = folder.plan().model_copy(update={"parallel": parallel})
        (folder.path / "plan.yaml").write_text(plan.model_dump_json())  # JSON is YAML
        for name, beside in (("old", 2), ("new", new)):
            for n in (1, 2, 3):
                record, message = scripted_run("F", name, TASKS[0], n)
                if late and n == 2:
                    record = record.model_copy(
                        update={"agent": record.agent.model_copy(update={"stop": AgentStop.TIME_LIMIT})}
                    )
                shutil.rmtree(folder.run_folder(name, TASKS[0], "baseline", n))
                write_run(folder, record.model_copy(update={"beside": beside}), message)
        return judge(folder)

    def check(self, verdict: Verdict) -> Check | None:
        return next((check for check in verdict.checks if check.id == "AT_A_TIME"), None)

    def test_equal_concurrency_is_reported_and_no_doubt(self, tmp_path: Path) -> None:
        verdict = self.judged(tmp_path, new=2)
        check = self.check(verdict)
        assert check is not None
        assert (check.status, check.observed, check.threshold) == (Status.PASS, 3, 3)
        assert any(reason.startswith("Up to 3 runs shared the engine at a time") for reason in verdict.reasons)
        assert {run.beside for run in verdict.runs} == {2}

    def test_unequally_many_at_a_time_is_no_comparison_of_seconds(self, tmp_path: Path) -> None:
        check = self.check(self.judged(tmp_path, new=0))
        assert check is not None
        assert check.status is Status.WARN
        assert "(old 3, new 1)" in check.hint

    def test_a_time_limit_that_neighbours_may_have_cost(self, tmp_path: Path) -> None:
        verdict = self.judged(tmp_path, new=2, late=True)
        assert [run.code for run in verdict.runs].count("L-TIME") == 2
        check = self.check(verdict)
        assert check is not None
        assert check.status is Status.WARN
        assert "2 runs beside others met the time limit" in check.hint

    def test_company_that_the_plan_does_not_know_is_not_passed_over(self, tmp_path: Path) -> None:
        assert self.check(self.judged(tmp_path, new=2, parallel=1)) is not None

    def test_nothing_is_reported_where_all_were_alone(self, tmp_path: Path) -> None:
        verdict = trial(tmp_path, "PF", "PF")
        assert self.check(verdict) is None
        assert not any("at a time" in reason for reason in verdict.reasons)


class TestIndependence:
    def repeated(self, path: Path, words: str, sure_of: str = "") -> Verdict:
        """Five runs of each task; with `{n}` in the words, each run says something else, but for the task `sure_of`."""
        names = [Contender("old", Role.INCUMBENT, dict.fromkeys(TASKS, "FFFFF")), Contender("new", Role.CHALLENGER, {})]
        folder = build_trial(path / "trial", names, speed=False)
        for task in TASKS:
            for n in range(1, 6):
                record = run_record(contender="new", task=task, n=n, seed=n)
                command = words.format(n=1 if task == sure_of else n)
                messages = [call_reply(command, id=1, start_s=n), text_reply("Done.", id=2, start_s=n + 5)]
                write_run(folder, record, messages)
        return judge(folder)

    def test_different_words_are_different_runs(self, tmp_path: Path) -> None:
        verdict = self.repeated(tmp_path, "sed {n}")
        assert verdict.verdict == "switch"
        assert check(verdict, "RUNS_INDEPENDENT", "new").status is Status.PASS

    def test_a_task_that_is_answered_alike_counts_once_and_the_others_as_they_are(self, tmp_path: Path) -> None:
        verdict, other = self.repeated(tmp_path, "sed {n}", sure_of=TASKS[0]), self.repeated(tmp_path / "o", "sed {n}")
        found = check(verdict, "RUNS_INDEPENDENT", "new")
        assert (found.status, found.observed) == (Status.WARN, 4)
        assert "4 of 20 valid runs" in found.hint
        assert "does not sample" not in found.hint
        assert verdict.verdict == "switch"
        assert verdict.fixed_suite.p is not None
        assert other.fixed_suite.p is not None
        assert other.fixed_suite.p < verdict.fixed_suite.p < 1e-6

    def test_the_same_words_are_one_run(self, tmp_path: Path) -> None:
        verdict, other = self.repeated(tmp_path / "same", "sed"), self.repeated(tmp_path / "other", "sed {n}")
        found = check(verdict, "RUNS_INDEPENDENT", "new")
        assert (found.status, found.observed) == (Status.WARN, 16)
        assert "does not sample" in found.hint
        assert verdict.fixed_suite.p is not None
        assert other.fixed_suite.p is not None
        assert verdict.fixed_suite.p > 100 * other.fixed_suite.p
        same, differing = verdict.contenders[1], other.contenders[1]
        assert (same.passed, same.valid) == (differing.passed, differing.valid) == (20, 20)
        assert same.interval is not None
        assert differing.interval is not None
        assert same.interval[0] < differing.interval[0]


class TestSpeed:
    def test_the_first_measurement_that_stands(self, tmp_path: Path) -> None:
        folder = build_trial(tmp_path / "trial", [SMALL])
        speed_parts(40.0).write(folder.path / "small/speed/2")
        speed = judge(folder).contenders[0].speed
        assert speed is not None
        assert speed.decode_tok_s == 25.0
        folder.note(LedgerKind.INVALIDATED, "small/speed/1", "the charger fell out")
        speed = judge(folder).contenders[0].speed
        assert speed is not None
        assert (speed.decode_tok_s, speed.status) == (40.0, Validity.VALID)

    def test_a_measurement_that_was_cut_off_is_none(self, tmp_path: Path) -> None:
        folder = build_trial(tmp_path / "trial", [SMALL])
        (folder.path / "small/speed/1/run.json").unlink()
        assert judge(folder).contenders[0].speed is None

    def test_speed_alone(self, tmp_path: Path) -> None:
        verdict = judge(build_trial(tmp_path / "trial", [Contender("small", Role.INCUMBENT, {})]))
        assert verdict.headline == "small decodes 25 tok/s ± 0.1 %; no task was asked for."
        assert (verdict.verdict, verdict.checks, verdict.runs) == ("undecided", (), ())


class TestDeterminism:
    def test_same_bytes_elsewhere(self, tmp_path: Path) -> None:
        folder = build_trial(tmp_path / "trial")
        elsewhere = shutil.copytree(folder.path, tmp_path / "another" / "name")
        assert judge(folder).model_dump_json() == judge(TrialFolder.open(elsewhere)).model_dump_json()

    @settings(max_examples=4, deadline=None)
    @given(order=st.permutations(range(12)))
    def test_the_order_of_writing_does_not_matter(self, order: list[int]) -> None:
        runs = [("large", task, n) for task in TASKS for n in (1, 2, 3)]
        names = [
            Contender("small", Role.INCUMBENT, dict.fromkeys(TASKS, "FFF")),
            Contender("large", Role.CHALLENGER, {}),
        ]
        with TemporaryDirectory() as first, TemporaryDirectory() as second:
            verdicts = []
            for where, numbers in ((first, list(range(12))), (second, order)):
                folder = build_trial(Path(where) / "trial", names, speed=False)
                for number in numbers:
                    name, task, n = runs[number]
                    write_run(folder, *scripted_run("PFLP"[number % 4], name, task, n))
                verdicts.append(judge(folder).model_dump_json())
        assert verdicts[0] == verdicts[1]

    @settings(max_examples=10, deadline=None)
    @given(letters=st.lists(st.text("PFMLI", min_size=2, max_size=2), min_size=6, max_size=6))
    def test_counts_add_up_and_no_number_leaves_its_range(self, letters: list[str]) -> None:
        with TemporaryDirectory() as where:
            old, new = (dict(zip("abc", letters[n : n + 3], strict=True)) for n in (0, 3))
            verdict = judged(Path(where), {"old": old, "new": new})
        for contender, given_letters in zip(verdict.contenders, (old, new), strict=True):
            every = "".join(given_letters.values())
            assert contender.passed == every.count("P")
            assert contender.invalid == every.count("I")
            assert contender.valid + contender.invalid == contender.attempted == 6
            for interval in (contender.interval, contender.population_interval):
                assert interval is None or 0 <= interval[0] <= interval[1] <= 1
            assert contender.pass_rate is None or contender.pass_rate <= (contender.if_served_correctly or 0)
        for comparison in (verdict.fixed_suite, verdict.population):
            assert comparison.p is None or 0 < comparison.p <= 1
        assert (verdict.bracket is None) == (not any("I" in each for each in letters))
        assert len(verdict.runs) == 12
