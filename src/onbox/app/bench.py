"""Agent runs on tasks against a running server."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from onbox.app.speed import refuse_no_url
from onbox.app.trials import TrialResult, plan_trial, run_trial
from onbox.trial import events
from onbox.trial.arms import read_arms
from onbox.trial.spec import TrialSpec


def run_bench(
    url: str,
    *,
    arms: Path | str | None = None,
    out: Path | str | None = None,
    audit: bool = True,
    unsafe: bool = False,
    show: Callable[[events.Event], None] = lambda event: None,
    tell: Callable[[str], None] = lambda text: None,
    **fields: Any,
) -> TrialResult:
    """Let an agent work on tasks with the server at a URL, behind gates.

    Args:
        url: of an OpenAI-compatible server.
        arms: a file of treatments to compare with the baseline.
        out: the evidence folder; `trials/bench-DATE-TIME` if left out.
        audit: whether the user's own tasks must pass their audit first.
        unsafe: run the agent's commands without a sandbox where none works.
        show: called with each event.
        tell: called with a line for each thing that takes time.
        fields: of `TrialSpec`: `model`, `tasks`, `task_names`, `runs`, `parallel`, `quick`, `seed`, `agent`.

    Raises:
        UsageError: the URL, a task, an agent or an arm is wrong.
        BadSubjectError: the gate of a task cannot be trusted.
        BoxError: this box cannot do it.
    """
    refuse_no_url(url)
    treatments = read_arms(Path(arms)) if arms is not None else ()
    spec = TrialSpec(**fields, contenders=(url,), speed=None, kind="bench", arms=treatments)
    return run_trial(plan_trial(spec, out, unsafe=unsafe, audit=audit, tell=tell), show=show)
