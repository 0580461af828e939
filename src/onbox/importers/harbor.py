"""Jobs of Harbor: a job's folder, or the `result.json` of a trial or of a job (0.24 to 0.26)."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from onbox.evidence.imported import ImportedRun
from onbox.importers.detection import document_of, lacks
from onbox.importers.reading import integer, not_such, read_json, real, text, within


class Harbor:
    """A run for each trial; the reward of its verifier decides, and a trial with an exception and none is invalid."""

    name = "harbor"
    reward_min = 1.0
    """What a reward must reach to pass; the file does not say."""

    def read(self, path: Path) -> Sequence[ImportedRun]:
        """The trials of a job's folder, of a job's result with `trial_results`, or one trial."""
        if path.is_dir():
            found = [(each, read_json(each)) for each in sorted(path.rglob("result.json"))]
            trials = [
                (file, trial) for file, trial in found if within(trial, "trial_name") and not lacks(self.name, trial)
            ]
            if not trials:
                raise not_such(path, self.name, "no result.json of a trial below it")
            return [_run(str(file.relative_to(path)), trial, self.reward_min) for file, trial in trials]
        document = document_of(self.name, path)
        report = document.first
        if within(report, "trial_name"):
            return [_run(path.name, each, self.reward_min) for each in document.records]
        trials_of_job = within(report, "trial_results")
        if not isinstance(trials_of_job, list) or not trials_of_job:
            raise not_such(path, self.name, "a job's result without trial_results: name the job's folder")
        return [_run(path.name, trial, self.reward_min) for trial in trials_of_job]


def _run(file: str, trial: Any, reward_min: float) -> ImportedRun:
    exception, rewards = within(trial, "exception_info"), _rewards(trial)
    # Of several, the one that is called `reward` counts, else all of them.
    wanted = dict.fromkeys(["reward"] if "reward" in rewards else rewards, reward_min)
    agent_result = within(trial, "agent_result")
    agent = text(within(trial, "agent_info", "name")) or "unknown agent"
    model = text(within(trial, "agent_info", "model_info", "name"))
    return ImportedRun(
        tool="harbor",
        file=file,
        ts=text(within(trial, "started_at")),
        experiment=text(within(trial, "source")),
        task=str(within(trial, "task_name")),
        model=model or agent,
        arm=agent,
        wallMs=_milliseconds(within(trial, "agent_execution") or trial),
        tokensIn=integer(within(agent_result, "n_input_tokens")),
        tokensOut=integer(within(agent_result, "n_output_tokens")),
        errors=(_words(exception),) if exception else (),
        success=all(rewards[key] >= least for key, least in wanted.items()) if wanted else None,
        rewards=rewards,
        reward_min=wanted,
    )


def _rewards(trial: Any) -> dict[str, float]:
    """The rewards of its verifier, partial ones too; empty where there are none, or one is no number."""
    rewards = within(trial, "verifier_result", "rewards")
    if not isinstance(rewards, dict):
        return {}
    found = {str(name): real(value) for name, value in rewards.items()}
    numbers = {name: value for name, value in found.items() if value is not None}
    return numbers if len(numbers) == len(found) else {}


def _words(exception: Any) -> str:
    return f"{within(exception, 'exception_type')}: {within(exception, 'exception_message')}"


def _milliseconds(timing: Any) -> float | None:
    began, ended = text(within(timing, "started_at")), text(within(timing, "finished_at"))
    try:
        return (datetime.fromisoformat(ended or "") - datetime.fromisoformat(began or "")).total_seconds() * 1000
    except (ValueError, TypeError):
        return None
