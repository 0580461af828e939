"""One run as an item of a list in HTML: what came of it, and all that was said and done in it, folded.

Written as text and not by a template: a long trial has ten thousand of them.
"""

from pathlib import Path
from urllib.parse import quote

from markupsafe import Markup, escape

from onbox.judge.results import RunResult
from onbox.report import charts, formatting
from onbox.report.page import Transcript, TranscriptStep, read_transcript
from onbox.report.text import TruncatedText, one_line, visible


def run_item(folder: Path, run: RunResult, anchor: str, *, limit: int, arms: bool, base: str = ".") -> Markup:
    """The `<li>` of a run.

    Args:
        folder: of the trial.
        run: as it was judged.
        anchor: its id on the page, inside the folded part: a link to it opens it.
        limit: characters of one text.
        arms: whether the trial has more arms than one.
        base: where the folder of the trial lies, as the page sees it.
    """
    arm = f"{run.arm} " if arms else ""
    return Markup(
        f"<li><details>\n<summary>{square(run)} <b>{_text(run.task)}</b> "
        f'<span class="muted">{_text(arm)}{run.n}</span> <span class="why"><code>{_text(run.code)}</code> '
        f'{_text(run.detail)}</span><span class="time">{_text(formatting.seconds(run.seconds))}</span></summary>\n'
        f'<div class="run" id="{anchor}">\n{_facts(run, base)}\n{_transcript(folder, run, limit, base)}\n</div>\n'
        "</details></li>\n"
    )


def square(run: RunResult) -> Markup:
    """A run as a square."""
    return charts.square(run.outcome, f"{run.task}, run {run.n}: {run.outcome.value}, {run.code}")


def _facts(run: RunResult, base: str) -> str:
    pairs = [
        ("outcome", run.outcome.value),
        ("caused by", "" if run.attribution.value == "none" else run.attribution.value),
        ("turns", str(run.turns)),
        ("tool calls", str(run.tool_calls)),
        ("tokens", f"{run.prompt_tokens:,} in, {run.completion_tokens:,} out"),
        ("reward", formatting.reward(run) if run.rewards else ""),
        ("changed", formatting.change(run)),
        ("waiting for the model", formatting.seconds(run.model_s)),
        ("beside other runs", str(run.beside) if run.beside else ""),
        ("carried out on", run.node),
    ]
    rows = [f"<div><dt>{name}</dt><dd>{_text(value)}</dd></div>" for name, value in pairs if value]
    rows.append(f"<div><dt>evidence</dt><dd>{_link(f'{run.folder}/', base, run.folder)}</dd></div>")
    return '<dl class="facts">{}</dl>'.format("\n".join(rows))


def _transcript(folder: Path, run: RunResult, limit: int, base: str) -> str:
    found = read_transcript(folder, run, limit)
    file, parts = f"{run.folder}/trajectory.json", []
    if found.problem:
        parts.append(f'<p class="muted">{_text(found.problem.capitalize())}.</p>')
    if found.steps_omitted:
        count = formatting.count(found.steps_omitted, "step")
        note = f"{count} in the middle left out; {formatting.WHOLE_IS_IN} {_link(file, base)}"
        parts.append(f'<p class="cut">{note}</p>')
    parts.append('<ol class="steps">')
    parts += [_step(step, file, base) for step in found.steps]
    parts += _ends(found, run, base)
    return "\n".join([*parts, "</ol>"])


def _ends(found: Transcript, run: RunResult, base: str) -> list[str]:
    ends = (("what it changed", found.patch, "workspace.patch"), ("gate", found.gate, "gate.txt"))
    return [
        f'<li class="step"><p class="role"><b>{name}</b></p>{pre(text, f"{run.folder}/{file}", base)}</li>'
        for name, text, file in ends
        if text
    ]


def _step(step: TranscriptStep, file: str, base: str) -> str:
    spent = "" if step.seconds is None else f" <span>{formatting.seconds(step.seconds)}</span>"
    tokens = "" if step.tokens is None else f" <span>{formatting.count(step.tokens, 'token')}</span>"
    parts = [f'<li class="step"><p class="role"><b>{_text(step.role)}</b>{spent}{tokens}</p>']
    if step.reasoning.head:
        parts.append(_folded("reasoning", pre(step.reasoning, file, base)))
    if step.content.head:
        content = pre(step.content, file, base)
        parts.append(_folded("system prompt", content) if step.role == "system" else content)
    for call in step.calls:
        parts.append(f'<p class="call">calls <code>{_text(call.name)}</code></p>{pre(call.arguments, file, base)}')
    return "".join([*parts, "</li>"])


def _folded(name: str, content: str) -> str:
    return f'<details class="thought"><summary>{name}</summary>{content}</details>'


def pre(text: TruncatedText, file: str, base: str = ".") -> Markup:
    """A text of others in a box of its own, with a note where its middle was left out."""
    head = f"<pre>{_text(text.head)}</pre>"
    if not text.omitted:
        return Markup(head)
    note = f"{formatting.count(text.omitted, 'character')} left out here; {formatting.WHOLE_IS_IN} {_link(file, base)}"
    return Markup(f'{head}<p class="cut">{note}</p><pre>{_text(text.tail)}</pre>')


def href(path: str, base: str = ".") -> str:
    """A link to a file in the trial folder, which the page sees at `base`."""
    return f"{base}/{quote(path.encode('utf-8', 'replace'))}"


def _link(path: str, base: str, name: str = "") -> str:
    return f'<a href="{escape(href(path, base))}">{escape(one_line(name or path))}</a>'


def _text(text: str) -> str:
    return str(escape(visible(text)))
