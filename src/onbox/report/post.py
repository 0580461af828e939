"""A trial as a post for a forum or an issue: Markdown of at most 6 kB that stands on its own.

The verdict with its scope, one table, what failed, how to compute it again, the seal. What does not fit is left out
from the end of each list, with how much it was; the long form is `report.md`.
"""

from collections.abc import Iterator, Sequence

from onbox.evidence.folder import TrialFolder
from onbox.judge.results import ContenderResult, Verdict
from onbox.report import box, formatting
from onbox.report.marks import bullets, code, plain, table
from onbox.report.page import Page, read_page
from onbox.report.reproduce import commands, sealed
from onbox.schema.checks import Status
from onbox.schema.units import p_value

BYTES_MAX = 6000
TEXT_CHARACTERS_MAX = 300
NAME_CHARACTERS_MAX = 60
SHOWN = (8, 4, 2, 1)
"""Of each list, tried from the first on until the post is short enough."""


def render(folder: TrialFolder, verdict: Verdict, seal: str = "") -> str:
    """The post."""
    page = read_page(folder, verdict, seal)
    text = ""
    for most in SHOWN:
        text = "\n\n".join(_blocks(page, most)) + "\n"
        if len(text.encode()) <= BYTES_MAX:
            return text
    foot = f"\n\n…\n\n{sealed(seal)}\n"
    kept = text.encode()[: BYTES_MAX - len(foot.encode())].decode("utf-8", "ignore")
    return kept.rpartition("\n")[0] + foot


def _blocks(page: Page, most: int) -> Iterator[str]:
    verdict = page.verdict
    yield f"## {_short(verdict.headline)}"
    yield _tally(verdict)
    yield table(("", "passed", "95 percent", "decode", "time to a pass"), map(_row, verdict.contenders[:most])) + _more(
        verdict.contenders, most, "contender"
    )
    if verdict.reasons:
        yield bullets(map(_short, verdict.reasons[:most]))
    doubts = page.findings(Status.FAIL, Status.WARN)
    if doubts:
        about = (
            f"{code(each.check.id)} {plain(_cut(each.contender, NAME_CHARACTERS_MAX))}".rstrip() for each in doubts
        )
        doubt_lines = [f"{formatting.STATUSES[each.check.status.value]}: {name}: {_short(each.check.hint)}"
                for each, name in zip(doubts, about, strict=True)]  # fmt: skip
        yield "What failed or warned:"
        yield bullets(doubt_lines[:most]) + _more(doubt_lines, most, "check")
    else:
        yield formatting.NO_DOUBTS
    if verdict.would_settle:
        yield "What would settle it:"
        yield bullets(map(_short, verdict.would_settle[:most]))
    yield _box(page)
    yield "Computed again from the evidence folder, without an engine:"
    yield bullets(f"{code(each.line)} {plain(each.does)}" for each in commands(page)[:2])
    version = f" {plain(page.plan.onbox_version)}" if page.plan else ""
    yield f"Made by onbox{version}. {plain(sealed(page.seal))}".rstrip()


def _tally(verdict: Verdict) -> str:
    parts = []
    if verdict.tasks is not None:
        parts.append(
            f"better on {verdict.tasks.better}, equal on {verdict.tasks.equal}, worse on {verdict.tasks.worse}"
        )
    if verdict.difference is not None:
        found = verdict.difference
        parts.append(f"{formatting.points(found.value)} (95 percent {formatting.points_interval(found.interval)})")
    parts.append(f"these tasks {p_value(verdict.fixed_suite.p)}, tasks like these {p_value(verdict.population.p)}")
    scope = f"Holds for {verdict.scope}: " if verdict.scope else ""
    text = scope + "; ".join(parts)
    return plain(text[:1].upper() + text[1:] + ".")


def _row(found: ContenderResult) -> tuple[str, ...]:
    speed = (
        formatting.NOT_MEASURED
        if found.speed is None
        else f"{formatting.rate(found.speed)} ({found.speed.status.value})"
    )
    if found.speed is not None and formatting.of_kernels(found.speed):
        speed = formatting.NOT_PUBLISHED
    role = formatting.ROLES.get(found.role, found.role)
    return (
        f"**{plain(_cut(found.name, NAME_CHARACTERS_MAX))}** ({plain(role)})",
        formatting.of(found.passed, found.valid),
        formatting.percent_interval(found.interval),
        speed,
        formatting.seconds_to_pass(found.seconds_to_pass),
    )


def _box(page: Page) -> str:
    facts = dict(box.lines(page.box or {}))
    parts = ("processor", "memory", *(["accelerator"] if (page.box or {}).get("accelerators") else []))
    known = [facts[name] for name in parts if name in facts]
    return plain(_cut(f"On: {'; '.join(known)}.", TEXT_CHARACTERS_MAX)) if known else formatting.NO_BOX


def _more(items: Sequence[object], most: int, what: str) -> str:
    left = len(items) - most
    return f"\n\nAnd {formatting.count(left, f'more {what}')}." if left > 0 else ""


def _short(text: str) -> str:
    return plain(_cut(text, TEXT_CHARACTERS_MAX))


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}…"
