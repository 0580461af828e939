"""The validity rules of a whole trial."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace

from onbox.evidence.records import ArmPlan, Plan
from onbox.judge import thresholds as limit
from onbox.judge.formatting import sentence
from onbox.judge.model_name import model_name
from onbox.judge.results import Cause, Outcome, Proof
from onbox.judge.rule import Subject, finding, rule
from onbox.judge.runs.isolation import has_mark
from onbox.judge.verdict.cells import repeats
from onbox.judge.verdict.contenders import JudgedContender
from onbox.schema.checks import Check, Status
from onbox.schema.units import count, percent

REASON_CHARACTERS = 240


def trial_checks(plan: Plan, judged: Sequence[JudgedContender]) -> tuple[Check, ...]:
    """Every rule for every contender it speaks of; none for a trial without tasks."""
    if not plan.tasks:
        return ()
    found: list[Check] = []
    for contender in judged:
        found += model_name(contender.result.name, contender.model_name)
        found += [plan_complete(contender), coverage(contender), serving(contender), *backend(contender)]
        found += [runs_independent(contender), sandbox_held(plan, contender), *harness(contender)]
        found += [arm_isolated(arm, contender) for arm in plan.treatments if has_mark(arm)]
    found += [tasks_audited(plan), *tasks_unseen(plan), *at_a_time(plan, judged)]
    found += [same_instances(judged), all_or_none(judged)] if len(judged) > 1 else []
    return tuple(replace(check, hint=sentence(check.hint)) for check in found)


@rule("PLAN_COMPLETE", Subject.TRIAL)
def plan_complete(contender: JudgedContender) -> Check:
    """All runs of the plan are there: a trial that is judged before its end may have stopped where it looked good."""
    result, runs = contender.result, len(contender.runs)
    planned = sum(len(cell.slots) for cell in contender.cells.values())
    missing = planned - runs
    why = f" ({_short(contender.failed)})" if contender.failed else ""
    return finding(
        status=Status.WARN if missing else Status.PASS,
        observed=runs,
        threshold=planned,
        unit="runs",
        evidence=f"{result.name}/runs",
        hint=f"{count(missing, 'run')} of {result.name} missing{why}: go on with --resume" if missing else "",
    )


def _short(text: str) -> str:
    return text if len(text) <= REASON_CHARACTERS else f"{text[:REASON_CHARACTERS]}..."


@rule("COVERAGE", Subject.TRIAL)
def coverage(contender: JudgedContender) -> Check:
    """Enough runs are valid."""
    result = contender.result
    share = result.valid / result.attempted
    good = share >= limit.COVERAGE_MIN
    why = ", ".join(f"{code} {n}" for code, n in result.invalid_reasons.items()) or "runs are missing"
    return finding(
        status=Status.PASS if good else Status.FAIL,
        observed=round(100 * share, 1),
        threshold=100 * limit.COVERAGE_MIN,
        unit="%",
        evidence=f"{result.name}/runs",
        hint="" if good else f"too few valid runs of {result.name} ({why}): repair the cause and go on with --resume",
    )


@rule("SERVING", Subject.TRIAL)
def serving(contender: JudgedContender) -> Check:
    """No run failed in serving: such a failure says nothing of the model."""
    codes = sorted(r.result.code for r in contender.runs if r.result.outcome is Outcome.SERVING_FAILURE)
    name = contender.result.name
    what = ", ".join(f"{code} {codes.count(code)}" for code in dict.fromkeys(codes))
    return finding(
        status=Status.WARN if codes else Status.PASS,
        observed=len(codes),
        threshold=0,
        unit="runs",
        evidence=f"{name}/runs",
        hint=f"As served, {name} loses calls ({what}): try another chat template or tool parser" if codes else "",
    )


@rule("BACKEND", Subject.TRIAL)
def backend(contender: JudgedContender) -> tuple[Check, ...]:
    """What the recipe asserts of kernels, device and memory came true; no check where it asserts nothing."""
    result = contender.result
    proof = result.backend
    if proof is None or not proof.parts:
        return ()
    status = {Proof.PROVEN: Status.PASS, Proof.CONTRADICTED: Status.FAIL, Proof.UNKNOWN: Status.UNKNOWN}[proof.status]
    doubts = [part for part in proof.parts if part.status is proof.status] if status is not Status.PASS else []
    why = "; ".join(f"{part.part} {part.asserted} is {part.status.value}: {part.why}" for part in doubts)
    return (
        finding(
            status=status,
            observed=", ".join(part.seen or "nothing" for part in proof.parts),
            threshold=", ".join(part.asserted for part in proof.parts),
            unit="",
            evidence=f"{result.name}/standup/phases.json",
            hint=f"nothing shows that {result.name} runs as its recipe says: {why}" if doubts else "",
        ),
    )


@rule("RUNS_INDEPENDENT", Subject.TRIAL)
def runs_independent(contender: JudgedContender) -> Check:
    """Runs of a task differ: a reply that comes back word for word may be one draw that came twice."""
    repeated = {
        f"{task}/{arm}": cell.n - len(repeats(cell.runs))
        for (task, arm), cell in contender.cells.items()
        if cell.n > len(repeats(cell.runs))
    }
    n, again = sum(cell.n for cell in contender.cells.values()), sum(repeated.values())
    name = contender.result.name
    where = ", ".join(f"{where} {count(times, 'time')}" for where, times in repeated.items())
    whole = " It does not sample: temperature 0, or a server that ignores seeds." if _never_samples(contender) else ""
    return finding(
        status=Status.WARN if again > limit.REPEATS_MAX * n else Status.PASS,
        observed=again,
        threshold=int(limit.REPEATS_MAX * n),
        unit="repeats",
        evidence=f"{name}/runs",
        hint=f"in {again} of {n} valid runs {name} answered word for word as in another run "
        f"({_short(where)}): the tests count {n - again}.{whole}"
        if again > limit.REPEATS_MAX * n
        else "",
    )


def _never_samples(contender: JudgedContender) -> bool:
    cells = [cell.runs for cell in contender.cells.values() if cell.n > 1]
    return bool(cells) and all(len(repeats(runs)) == 1 for runs in cells)


@rule("SANDBOX_HELD", Subject.TRIAL)
def sandbox_held(plan: Plan, contender: JudgedContender) -> Check:
    """Every run was in the sandbox of the plan, and the sandbox stood its probes."""
    name = contender.result.name
    leaks = {p.name for run in contender.runs for p in run.sandbox.probes if not p.held}
    others = {r.sandbox.name for r in contender.runs} - {plan.sandbox}
    doubts = sorted(leaks | others | ({"none"} if plan.sandbox == "none" else set()))
    return finding(
        status=Status.WARN if doubts else Status.PASS,
        observed=", ".join(doubts) or 0,
        threshold=0,
        unit="" if doubts else "probes that broke out",
        evidence=f"{name}/runs",
        hint=f"The sandbox of {name} did not hold ({', '.join(doubts)}): a gate may have been read" if doubts else "",
    )


@rule("HARNESS", Subject.TRIAL)
def harness(contender: JudgedContender) -> tuple[Check, ...]:
    """No run was broken off by a fault of onbox itself; a check that is there only where one was."""
    broken = [run.harness_fault for run in contender.runs if run.harness_fault is not None]
    if not broken:
        return ()
    return (
        finding(
            status=Status.FAIL if len(broken) >= limit.HARNESS_FAULTS_MAX else Status.WARN,
            observed=len(broken),
            threshold=limit.HARNESS_FAULTS_MAX,
            unit="runs",
            evidence=f"{contender.result.name}/runs",
            hint=f"{count(len(broken), 'run')} of {contender.result.name} ended by a fault of onbox: "
            f"{_short(broken[-1])}",
        ),
    )


@rule("TASKS_AUDITED", Subject.TRIAL)
def tasks_audited(plan: Plan) -> Check:
    """Every gate was shown to tell right from wrong, unless the user said in so many words that it need not."""
    names = [task.name for task in plan.tasks if task.audit == "not asked"]
    return finding(
        status=Status.WARN if names else Status.PASS,
        observed=len(names),
        threshold=0,
        unit="tasks not audited",
        evidence="plan.yaml",
        hint=f"Nothing shows that the gate of {', '.join(names)} tells right from wrong: run `onbox audit`"
        if names
        else "",
    )


@rule("TASKS_UNSEEN", Subject.TRIAL)
def tasks_unseen(plan: Plan) -> tuple[Check, ...]:
    """No model was published after the commits that its tasks were made of: it may have learnt them.

    No check where no task was made of a commit.
    """
    days = sorted(task.committed for task in plan.tasks if task.committed)
    if not days:
        return ()
    span = days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"
    found = []
    for contender in plan.contenders:
        released = contender.recipe.released if contender.recipe else ""
        # The day itself counts: what was published on it was learnt before.
        older = [day for day in days if not released or day <= released]
        when = f"was published on {released}" if released else "was published on a day that its recipe does not say"
        hint = f"{len(older)} of {len(days)} tasks of commits are of {span}, and {contender.name} {when}: " + (
            "it may have seen them" if released else "whether it may have seen them is unknown; set released"
        )
        found.append(
            finding(
                status=Status.WARN if older else Status.PASS,
                observed=len(older),
                threshold=0,
                unit="tasks that may have been seen",
                evidence="plan.yaml",
                hint=hint if older else "",
            )
        )
    return tuple(found)


@rule("AT_A_TIME", Subject.TRIAL)
def at_a_time(plan: Plan, judged: Sequence[JudgedContender]) -> tuple[Check, ...]:
    """Runs at a time: all contenders had as many beside them, and none met a time limit for its neighbours' sake.

    No check where every run was alone.
    """
    most = {c.result.name: 1 + max(run.result.beside for run in c.runs) for c in judged if c.runs}
    if not most or (plan.parallel == 1 and set(most.values()) == {1}):
        return ()
    late = [run for c in judged for run in c.runs if run.result.beside and run.result.code == "L-TIME"]
    doubts = []
    if len(set(most.values())) > 1:
        doubts.append(
            f"contenders ran unequally many at a time ({', '.join(f'{name} {n}' for name, n in most.items())}), so "
            "their seconds do not compare"
        )
    if late:
        doubts.append(
            f"{count(len(late), 'run')} beside others met the time limit and might not have met it alone: take fewer "
            "at a time, or allow more time"
        )
    return (
        finding(
            status=Status.WARN if doubts else Status.PASS,
            observed=max(most.values()),
            threshold=plan.parallel,
            unit="runs at a time",
            evidence="runs",
            hint="; ".join(doubts),
        ),
    )


@rule("SAME_INSTANCES", Subject.TRIAL)
def same_instances(judged: Sequence[JudgedContender]) -> Check:
    """Run n of a task was the same task for every contender: its seed gave all of them the same files."""
    given: dict[tuple[str, int], set[str]] = defaultdict(set)
    for contender in judged:
        for run in contender.runs:
            given[run.result.task, run.result.n].add(run.instance_sha256)
    unequal = sorted({task for (task, _), hashes in given.items() if len(hashes) > 1})
    return finding(
        status=Status.FAIL if unequal else Status.PASS,
        observed=len(unequal),
        threshold=0,
        unit="tasks that differed",
        evidence="runs",
        hint=f"contenders got different files for the same seed of {', '.join(unequal)}: the generator is not "
        "deterministic, leave the task out"
        if unequal
        else "",
    )


@rule("ARM_ISOLATED", Subject.TRIAL)
def arm_isolated(arm: ArmPlan, contender: JudgedContender) -> Check:
    """Every run of a treatment shows its mark on the wire, and no other run does."""
    name = contender.result.name
    valid = [run for run in contender.runs if run.result.outcome is not Outcome.INVALID]
    without = sum(run.result.arm == arm.name and arm.name not in run.bears for run in valid)
    leaked = sum(run.result.arm != arm.name and arm.name in run.bears for run in valid)
    there = any(run.result.arm == arm.name for run in valid)
    what = [f"{without} of its runs did not get it"] * bool(without) + [f"{leaked} runs of other arms did"] * bool(
        leaked
    )
    return finding(
        status=Status.FAIL if what else Status.PASS if there else Status.UNKNOWN,
        observed=without + leaked if there else None,
        threshold=0,
        unit="runs",
        evidence=f"{name}/runs",
        hint=f"Arm {arm.name} of {name}: {' and '.join(what)}, so its effect cannot be told: see wire.jsonl"
        if what
        else f"No valid run of arm {arm.name} of {name} shows whether it was equipped as planned"
        if not there
        else "",
    )


@rule("ALL_OR_NONE", Subject.TRIAL)
def all_or_none(judged: Sequence[JudgedContender]) -> Check:
    """Not everybody passes everything: at the ceiling, or on the floor, nobody can be told apart."""
    rates = [contender.result.pass_rate for contender in judged]
    stuck = len(set(rates)) == 1 and rates[0] in (0.0, 1.0)
    advice = "take harder tasks" if rates[0] else _nobody_passes(judged)
    return finding(
        status=Status.WARN if stuck else Status.PASS,
        observed=", ".join("no valid run" if rate is None else percent(rate) for rate in rates),
        threshold="not all at 0 % or all at 100 %",
        evidence="plan.yaml",
        hint=f"all contenders pass {'all' if rates[0] else 'none'}: {advice}" if stuck else "",
    )


def _nobody_passes(judged: Sequence[JudgedContender]) -> str:
    """What helps: easier tasks where the models failed, and not where they were stopped or badly served."""
    valid = [run.result for one in judged for run in one.runs if run.result.outcome is not Outcome.INVALID]
    others = [result for result in valid if result.attribution is not Cause.MODEL]
    if 2 * len(others) <= len(valid):
        return "take easier tasks"
    code, _ = Counter(result.code for result in others).most_common(1)[0]
    return (
        f"{len(others)} of {count(len(valid), 'valid run')} failed by a limit or the serving, most often {code}: "
        "mend that before you take easier tasks"
    )
