"""The report as Markdown that reads well on GitHub; what others wrote is fenced or escaped, never markup."""

from collections import Counter
from collections.abc import Iterator, Sequence

from onbox.evidence.folder import TrialFolder
from onbox.judge.results import ClaimResult, Measurement, Outcome, RunResult, Validity, Verdict
from onbox.report import box, comparison_tables, formatting, sight
from onbox.report.extent import SQUARES_MAX, ends, transcripts_apart
from onbox.report.marks import bullets, code, facts, fenced, folded, plain, quoted, table
from onbox.report.page import ContenderPage, Finding, Page, TranscriptStep, read_page, read_transcript
from onbox.report.reproduce import commands, engine_command, sealed
from onbox.schema.checks import Status
from onbox.schema.units import count, seconds

TEXT_CHARACTERS_MAX = 1500
"""Of one message, tool call, gate output or patch; the file in the trial folder has the whole."""


def render(folder: TrialFolder, verdict: Verdict, seal: str = "") -> str:
    """The whole report, in the order of the page: verdict, doubts, numbers, evidence, and at its foot the seal."""
    page = read_page(folder, verdict, seal)
    results = (_verdict, _checks, _rates, _weighed, _arms, _sight, _speed, _tasks, _runs, _not_counted)
    blocks = [block for part in (*results, _stand_up, _box, _again, _files) for block in part(page)]
    return "\n\n".join(blocks) + "\n"


def _verdict(page: Page) -> Iterator[str]:
    verdict = page.verdict
    title, headline = formatting.title_and_headline(verdict.verdict, verdict.headline)
    yield f"# {plain(title)}"
    yield f"**{plain(headline)}**"
    if verdict.reasons:
        yield bullets(plain(reason) for reason in verdict.reasons)
    if verdict.would_settle:
        yield "**What would settle it**"
        yield bullets(plain(step) for step in verdict.would_settle)
    yield table(
        ("contender", "role", "pass rate", "95 percent", "decode", "time to a pass"),
        (
            (
                plain(c.name),
                plain(formatting.ROLES.get(c.role, c.role)),
                f"**{formatting.percent(c.pass_rate)}** ({formatting.of(c.passed, c.valid)})",
                formatting.percent_interval(c.interval),
                _decode(c.speed),
                formatting.seconds_to_pass(c.seconds_to_pass),
            )
            for c in verdict.contenders
        ),
    )
    yield f"Trial {code(verdict.trial)}. {formatting.ORDER_OF_WORDS}"


def _sight(page: Page) -> Iterator[str]:
    for number, (name, lines, rows) in enumerate(sight.markdown(page.verdict)):
        if not number:
            yield "## Sight"
        yield f"### {plain(name)}"
        yield bullets(plain(each) for each in lines)
        yield table(sight.HEAD, (tuple(code(cell) if cell else "" for cell in row) for row in rows))


def _decode(speed: Measurement | None) -> str:
    if speed is None:
        return formatting.NOT_MEASURED
    return f"**{formatting.rate(speed)}** ({speed.status.value})"


def _checks(page: Page) -> Iterator[str]:
    yield "## Checks"
    if page.problems:
        yield bullets(f"**cannot be read:** {plain(problem)}" for problem in page.problems)
    doubts = page.findings(Status.FAIL, Status.WARN, Status.UNKNOWN)
    yield bullets(_finding(finding) for finding in doubts) if doubts else formatting.NO_DOUBTS
    passed = page.findings(Status.PASS)
    if passed:
        rows = (
            (
                code(f.check.id),
                plain(f.contender or "the trial"),
                plain(formatting.quantity(f.check.observed, f.check.unit)),
                "" if f.check.threshold is None else plain(formatting.quantity(f.check.threshold, f.check.unit)),
            )
            for f in passed
        )
        yield folded(f"{count(len(passed), 'check')} passed", [table(("check", "of", "seen", "threshold"), rows)])


def _finding(finding: Finding) -> str:
    check = finding.check
    about = f" {plain(finding.contender)}" if finding.contender else ""
    shown_by = f", shown by {code(check.evidence)}" if check.evidence else ""
    hint = f"{plain(check.hint)} " if check.hint else ""
    return (
        f"**{formatting.STATUSES[check.status.value]}** {code(check.id)}{about}: {hint}"
        f"({plain(formatting.observed_against_threshold(check.observed, check.threshold, check.unit))}{shown_by})"
    )


def _arms(page: Page) -> Iterator[str]:
    if not page.verdict.arms:
        return
    yield f"## {comparison_tables.ARMS}"
    yield table(
        comparison_tables.ARMS_HEAD, (tuple(map(plain, row)) for row in comparison_tables.arm_rows(page.verdict))
    )
    yield formatting.ARMS


def _weighed(page: Page) -> Iterator[str]:
    for title, head, rows in comparison_tables.tables(page.verdict, least=2):
        yield f"## {title}"
        yield table(head, (tuple(map(plain, row)) for row in rows))
        if title == comparison_tables.STANDINGS:
            yield formatting.DOMINATED


def _rates(page: Page) -> Iterator[str]:
    verdict = page.verdict
    yield "## Pass rate"
    yield table(
        (
            "contender",
            "passed",
            "valid",
            "invalid",
            "planned",
            "these tasks",
            "tasks like these",
            "if served correctly",
        ),
        (
            (
                plain(c.name),
                str(c.passed),
                str(c.valid),
                str(c.invalid),
                str(c.attempted),
                f"**{formatting.percent(c.pass_rate)}**, {formatting.percent_interval(c.interval)}",
                formatting.percent_interval(c.population_interval),
                formatting.served_correctly(c.if_served_correctly),
            )
            for c in verdict.contenders
        ),
        right=(1, 2, 3, 4),
    )
    yield formatting.INVALID_IS_NOT_COUNTED
    yield table(
        ("is the difference chance?", "p", "method"),
        (
            (name, formatting.p_value(test.p), plain(f"{test.method}. {test.detail}" if test.detail else test.method))
            for name, test in (("these tasks", verdict.fixed_suite), ("tasks like these", verdict.population))
        ),
    )
    if verdict.bracket:
        yield plain(formatting.bracket(verdict.bracket))


def _speed(page: Page) -> Iterator[str]:
    yield "## Decode speed"
    for contender in page.verdict.contenders:
        speed = contender.speed
        yield f"### {plain(contender.name)}"
        if speed is None:
            yield f"{formatting.NOT_MEASURED.capitalize()}."
            continue
        refused = speed.status is Validity.INVALID
        if refused:
            yield f"**invalid, no number:** {formatting.REFUSED}"
        elif speed.decode_tok_s is None:
            yield f"**{speed.status.value}, no number:** {formatting.NO_RATE}"
        else:
            within = formatting.tok_s_interval(speed.interval)
            yield f"**{formatting.rate(speed)}** ({speed.status.value}), 95 percent {within}"
            if made_of := formatting.budget(speed):
                yield f"The uncertainty: {made_of}."
        rows = [
            (plain(formatting.WITNESSES.get(w.name, w.name)), _rate(w.tok_s, refused), plain(w.detail))
            for w in speed.witnesses
        ]
        rows.append((formatting.COLD, _rate(speed.cold_tok_s, refused), ""))
        yield table(("witness", "decode", ""), rows)
        amount = f"{count(speed.requests, 'request')}, {count(speed.tokens, 'token')}"
        yield facts(
            {
                "time_to_first_token_s": speed.ttft_s,
                "measured": amount,
                **formatting.rate_details(speed),
                **speed.profile,
            }
        )
        if speed.cells:
            yield table(
                formatting.CELLS_HEAD, (formatting.cell(cell) for cell in (speed, *speed.cells)), right=(0, 1, 2, 3)
            )
        if speed.bound is not None:
            yield plain(f"What bounds it: {formatting.bound(speed.bound)}.")
        if speed.claims:
            yield table(formatting.CLAIMS_HEAD, (_claim(claim) for claim in speed.claims))


def _claim(claim: ClaimResult) -> tuple[str, ...]:
    differs = "; ".join(plain(f"{formatting.difference(found)} ({found.why})") for found in claim.differences)
    source = plain(claim.source if claim.date is None else f"{claim.source}, {claim.date}")
    return plain(formatting.tok_s(claim.tok_s)), source, f"**{plain(claim.verdict)}**", differs


def _rate(value: float | None, refused: bool) -> str:
    return f"~~{formatting.tok_s(value)}~~" if refused and value is not None else formatting.tok_s(value)


def _tasks(page: Page) -> Iterator[str]:
    yield "## Tasks"
    yield ", ".join(f"{sign} {outcome}" for outcome, sign in formatting.SIGNS.items()) + ", · not finished"
    arms, contenders = page.arms(), page.verdict.contenders
    rows = [
        (
            plain(f"{task} ({arm})" if len(arms) > 1 else task),
            *(_cell(page.squares(c.name, task, arm)) for c in contenders),
        )
        for task in page.tasks()
        for arm in arms
    ]
    yield table(("task", *(plain(c.name) for c in contenders)), rows)


def _cell(runs: Sequence[RunResult | None]) -> str:
    """Signs of runs, or their numbers where they are many."""
    signs = [formatting.SIGNS[run.outcome.value] if run else "·" for run in runs]
    if len(signs) <= SQUARES_MAX:
        return " ".join(signs)
    return ", ".join(f"{count} {sign}" for sign, count in Counter(signs).items())


def _runs(page: Page) -> Iterator[str]:
    yield "### Run by run"
    if transcripts_apart(page.folder, page.verdict):
        yield f"The transcripts of {count(len(page.verdict.runs), 'run')} are in {code('transcripts/')}."
        return
    for run in page.verdict.runs:
        sign = formatting.SIGNS[run.outcome.value]
        head = f"{sign} {run.contender}, {run.task}, {run.arm} {run.n}: {run.code}, {run.detail}"
        yield folded(f"{head} ({seconds(run.seconds)})", _run(page, run))


def _run(page: Page, run: RunResult) -> Iterator[str]:
    talk = read_transcript(page.folder, run, TEXT_CHARACTERS_MAX)
    file = f"{run.folder}/trajectory.json"
    cause = "" if run.attribution.value == "none" else f" caused by {run.attribution.value},"
    yield (
        f"{run.outcome.value},{cause} {count(run.turns, 'turn')}, {count(run.tool_calls, 'tool call')}, "
        f"{run.prompt_tokens:,} tokens in, {run.completion_tokens:,} out, "
        f"{seconds(run.model_s)} waiting for the model{formatting.with_other_runs(run.beside)}{_on(run.node)}, "
        f"{_reward(run)}changed: {plain(formatting.change(run))}; evidence in {code(run.folder)}"
    )
    if talk.problem:
        yield f"{talk.problem.capitalize()}."
    if talk.steps_omitted:
        yield f"{count(talk.steps_omitted, 'step')} in the middle left out; {formatting.WHOLE_IS_IN} {code(file)}"
    for step in talk.steps:
        yield from _step(step, file)
    for name, text in (("workspace.patch", talk.patch), ("gate.txt", talk.gate)):
        if text:
            yield code(name)
            yield quoted(text, f"{run.folder}/{name}")


def _reward(run: RunResult) -> str:
    return f"{plain(formatting.reward(run))}, " if run.rewards else ""


def _on(node: str) -> str:
    return f", carried out on {plain(node)}" if node else ""


def _step(step: TranscriptStep, file: str) -> Iterator[str]:
    spent = "" if step.seconds is None else f", {seconds(step.seconds)}"
    tokens = "" if step.tokens is None else f", {count(step.tokens, 'token')}"
    yield f"**{plain(step.role)}**{spent}{tokens}"
    if step.reasoning.head:
        yield "reasoning:"
        yield quoted(step.reasoning, file)
    if step.content.head:
        yield quoted(step.content, file)
    for call in step.calls:
        yield f"calls {code(call.name)}"
        yield quoted(call.arguments, file)


def _not_counted(page: Page) -> Iterator[str]:
    yield "## Not counted"
    rows: list[tuple[str, str]] = []
    for c in page.verdict.contenders:
        if c.speed and c.speed.status is Validity.INVALID:
            rates = ", ".join(_rate(w.tok_s, True) for w in c.speed.witnesses if w.tok_s is not None)
            failed = (check for check in c.speed.checks if check.status is Status.FAIL)
            why = " ".join(f"{code(check.id)} {plain(check.hint)}" for check in failed)
            rows.append((f"{plain(c.name)} decode speed {rates}", why))
    rows += [
        (f"~~{plain(run.folder)}~~", f"{code(run.code)} {plain(run.detail)}")
        for run in page.verdict.runs
        if run.outcome is Outcome.INVALID
    ]
    rows += [
        (f"~~{plain(entry.subject)}~~", f"{entry.kind.value}: {plain(entry.reason or formatting.NO_REASON)}")
        for entry in page.ledger
        if entry.kind.value in formatting.NOT_COUNTED
    ]
    yield table(("what", "why it is not counted"), ends(rows)) if rows else formatting.NOTHING_DROPPED


def _stand_up(page: Page) -> Iterator[str]:
    yield "## Stand-up"
    for part in page.contenders:
        yield f"### {plain(part.name)}"
        if not part.stand_ups:
            yield formatting.NO_STAND_UP
        for up in part.stand_ups:
            ready = "never ready" if up.ready_s is None else f"ready after {seconds(up.ready_s)}"
            yield f"{plain(' '.join(filter(None, (up.engine, up.engine_version))))}, **{ready}**"
            if line := formatting.backend(page.backend(part.name)):
                yield plain(line)
            rows = [
                (plain(p.name), seconds(p.seconds), formatting.size(p.peak_bytes), plain(p.detail)) for p in up.phases
            ]
            if rows:
                yield table(("phase", "time", "most memory held", ""), rows, right=(1, 2))


def _box(page: Page) -> Iterator[str]:
    yield "## The box"
    if not page.box:
        yield formatting.NO_BOX
        return
    yield table(("what", ""), ((plain(what), plain(text)) for what, text in box.lines(page.box)))
    yield folded("all that is known of it", [facts(page.box)])


def _again(page: Page) -> Iterator[str]:
    yield "## Do it again"
    yield table(("command", "does"), ((code(c.line), c.does) for c in commands(page)))
    if page.plan:
        plan = page.plan
        yield facts(
            {
                "planned_at": plan.created_at,
                "onbox": plan.onbox_version,
                "agent": f"{plan.agent.name} {plan.agent.version}",
                "sandbox": plan.sandbox,
                "runs_of_each_task": plan.runs,
                "runs_at_a_time": plan.parallel,
                "seed": plan.seed,
                "stop_rule": plan.stop_rule,
            }
        )
    for part in page.contenders:
        yield from _contender_again(part)
    if page.plan and page.plan.tasks:
        hashes = table(("task", "SHA-256"), ((plain(task.name), code(task.sha256)) for task in page.plan.tasks))
        yield folded(f"hashes of the tasks, from {page.plan.tasks_from}", [hashes])
    if page.plan and page.plan.left_out:
        rows = ((plain(task.name), plain(task.why)) for task in page.plan.left_out)
        yield folded(f"{count(len(page.plan.left_out), 'task')} left out", [table(("task", "why"), rows)])


def _contender_again(part: ContenderPage) -> Iterator[str]:
    yield f"### {plain(part.name)}"
    for up in part.stand_ups:
        yield fenced(engine_command(up)) if up.argv else f"Was already running at {code(up.url)}."
    if file := part.weights:
        row = (
            plain(file.file),
            formatting.size(file.bytes),
            plain(file.first_source or file.source),
            code(file.sha256),
        )
        yield table(("weights", "size", "from", "SHA-256"), [row], right=(1,))


def _files(page: Page) -> Iterator[str]:
    yield "## Files"
    yield formatting.FILES_NOTE
    rows = [("verdict", f"{code('verdict.json')}, {code('plan.yaml')}, {code('ledger.jsonl')}")]
    for part in page.contenders:
        rows.append((f"{plain(part.name)} pass rate", code(f"{part.name}/runs/")))
        rows.append((f"{plain(part.name)} speed and stand-up", ", ".join(code(file) for file in part.files) or "none"))
    yield table(("number", "files"), rows)
    if page.seal:
        yield plain(sealed(page.seal))
