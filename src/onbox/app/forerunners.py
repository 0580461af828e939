"""Trials that asked the same before and lie beside a new one: each was a chance to be wrong."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from onbox.errors import OnboxError
from onbox.evidence.extent import looks_made
from onbox.evidence.folder import TrialFolder
from onbox.evidence.records import ContenderPlan, Forerunner, Plan
from onbox.untrusted_json import parse

UNSERVED = frozenset({"name", "description", "sparkrun"})
"""Of a recipe, what changes nothing of what is served."""
SIBLINGS_MAX = 500
"""Folders that are looked into; who keeps more in one place is told of the first ones only."""


def forerunners_of(plan: Plan, folder: Path) -> tuple[Forerunner, ...]:
    """The judged trials beside a folder that compared two of the same contenders on most of the tasks, oldest first.

    Who leaves out a few tasks asks the same; who adds as many new ones asks something else. Those that a forerunner
    knew of count too, whether or not they are still there.

    Args:
        plan: of the new trial.
        folder: where it will lie.
    """
    if not plan.tasks or len(plan.contenders) < 2:
        return ()
    known: dict[str, Forerunner] = {}
    for path in _siblings(folder):
        try:
            trial = TrialFolder.open(path)
            earlier = trial.plan()
            if not _same(plan, earlier):
                continue
            verdict = str(parse((path / "verdict.json").read_bytes())["verdict"])
            looks = max(1, len(looks_made(trial.ledger())))
        except (OnboxError, OSError, ValueError, KeyError, TypeError, RecursionError):
            continue
        known |= {each.name: each for each in earlier.forerunners}
        known[path.name] = Forerunner(name=path.name, created_at=earlier.created_at, verdict=verdict[:20], looks=looks)
    return tuple(sorted(known.values(), key=lambda each: (each.created_at, each.name)))


def _siblings(folder: Path) -> Iterator[Path]:
    parent = folder.absolute().parent
    if not parent.is_dir():
        return
    found = sorted(path for path in parent.iterdir() if path != folder.absolute() and (path / "plan.yaml").is_file())
    yield from (path for path in found[:SIBLINGS_MAX] if (path / "verdict.json").is_file())


def _same(plan: Plan, earlier: Plan) -> bool:
    tasks, before = ({(task.name, task.sha256) for task in each.tasks} for each in (plan, earlier))
    if 2 * len(tasks & before) <= len(tasks) or plan.agent.name != earlier.agent.name:
        return False
    shared = [each for each in map(_served, plan.contenders) if each in list(map(_served, earlier.contenders))]
    return len(shared) > 1


def _served(contender: ContenderPlan) -> dict[str, Any]:
    """What is served, whatever it is called and wherever it listens."""
    fields = contender.recipe.model_dump(mode="json") if contender.recipe else {}
    recipe = {name: value for name, value in fields.items() if name not in UNSERVED}
    serve = recipe.get("serve")
    if isinstance(serve, dict):
        recipe["serve"] = {name: value for name, value in serve.items() if name != "port"}
    return recipe
