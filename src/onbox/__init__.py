"""onbox: is a local language model worth running on the box you own?

The functions below are what the commands do, by the same words and without the command line; each is imported when it
is first used. docs/api.md has an example of each.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.8.0"

_PUBLIC = {
    "BadSubjectError": "onbox.errors",
    "BoxError": "onbox.errors",
    "EngineError": "onbox.errors",
    "FetchError": "onbox.errors",
    "GuardStop": "onbox.errors",
    "Interrupted": "onbox.errors",
    "OnboxError": "onbox.errors",
    "TrialSpec": "onbox.trial.spec",
    "UsageError": "onbox.errors",
    "WatchSpec": "onbox.app.watching",
    "audit_tasks": "onbox.app.audit",
    "check_server": "onbox.app.preflight",
    "describe_box": "onbox.app.box",
    "examine_box": "onbox.app.doctor",
    "export_trial": "onbox.app.exporting",
    "fetch_weights": "onbox.app.fetching",
    "fit_weights": "onbox.app.fit",
    "import_records": "onbox.app.importing",
    "judge_trial": "onbox.app.judging",
    "measure_speed": "onbox.app.speed",
    "new_task": "onbox.app.tasks",
    "open_view": "onbox.app.viewing",
    "plan_trial": "onbox.app.trials",
    "read_weights": "onbox.app.sources",
    "regrade_trial": "onbox.app.regrade",
    "render_task": "onbox.app.tasks",
    "rewrite_reports": "onbox.app.sealing",
    "run_bench": "onbox.app.bench",
    "run_selftest": "onbox.app.selftest",
    "run_trial": "onbox.app.trials",
    "running_engines": "onbox.app.serving",
    "see_model": "onbox.app.see",
    "stand_up": "onbox.app.serving",
    "stop_engine": "onbox.app.serving",
    "tasks_from": "onbox.app.tasks",
    "verify_trial": "onbox.app.judging",
    "watch_startup": "onbox.app.watching",
}
"""Each public name, and the module that holds it."""

if TYPE_CHECKING:
    from onbox.app.audit import audit_tasks
    from onbox.app.bench import run_bench
    from onbox.app.box import describe_box
    from onbox.app.doctor import examine_box
    from onbox.app.exporting import export_trial
    from onbox.app.fetching import fetch_weights
    from onbox.app.fit import fit_weights
    from onbox.app.importing import import_records
    from onbox.app.judging import judge_trial, verify_trial
    from onbox.app.preflight import check_server
    from onbox.app.regrade import regrade_trial
    from onbox.app.sealing import rewrite_reports
    from onbox.app.see import see_model
    from onbox.app.selftest import run_selftest
    from onbox.app.serving import running_engines, stand_up, stop_engine
    from onbox.app.sources import read_weights
    from onbox.app.speed import measure_speed
    from onbox.app.tasks import new_task, render_task, tasks_from
    from onbox.app.trials import plan_trial, run_trial
    from onbox.app.viewing import open_view
    from onbox.app.watching import WatchSpec, watch_startup
    from onbox.errors import (
        BadSubjectError,
        BoxError,
        EngineError,
        FetchError,
        GuardStop,
        Interrupted,
        OnboxError,
        UsageError,
    )
    from onbox.trial.spec import TrialSpec

__all__ = [
    "BadSubjectError",
    "BoxError",
    "EngineError",
    "FetchError",
    "GuardStop",
    "Interrupted",
    "OnboxError",
    "TrialSpec",
    "UsageError",
    "WatchSpec",
    "__version__",
    "audit_tasks",
    "check_server",
    "describe_box",
    "examine_box",
    "export_trial",
    "fetch_weights",
    "fit_weights",
    "import_records",
    "judge_trial",
    "measure_speed",
    "new_task",
    "open_view",
    "plan_trial",
    "read_weights",
    "regrade_trial",
    "render_task",
    "rewrite_reports",
    "run_bench",
    "run_selftest",
    "run_trial",
    "running_engines",
    "see_model",
    "stand_up",
    "stop_engine",
    "tasks_from",
    "verify_trial",
    "watch_startup",
]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
