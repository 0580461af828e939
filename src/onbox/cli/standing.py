"""What `up`, `down` and `ps` share: stand a recipe up and hand it over to its supervisor, and say how it does."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any

from onbox import fetch
from onbox.cli.live import PlainView
from onbox.cli.signals import terminable
from onbox.engines import engine_by_name
from onbox.evidence.folder import utc_now, write_atomic, write_json
from onbox.evidence.lock import locked
from onbox.evidence.records import LaunchRecord, StandUp
from onbox.judge.backend import backend_proof
from onbox.launch import started_engines
from onbox.launch.lifetime import Lifetime
from onbox.launch.started_engines import StopResult, UpEngine, UpRecord
from onbox.launch.swap_out import SwapOut
from onbox.recipes import Recipe
from onbox.recipes.text import recipe_yaml
from onbox.report import words
from onbox.trial import events
from onbox.user_folders import state_folder


def stand_up(recipe: Recipe, *, reserve: int | None, replace: str | None) -> UpEngine:
    """Start, wait until it serves, and leave it to its supervisor; until then an end of this process is its end too.

    Args:
        recipe: what to serve.
        reserve: bytes that must stay available; None takes the default for this box.
        replace: a name that makes room, and is running again when this one has ended.

    Raises:
        UsageError: something of that name is up already, or there is nothing to replace.
        BoxError: this box cannot do it.
        GuardStop: the guard had to stop it.
    """
    with terminable(), _alone(recipe.name):
        started_engines.refuse_twice(recipe.name)
        with SwapOut(replace) if replace else nullcontext() as replaced, PlainView(sys.stderr) as view:
            name = recipe.name
            folder = state_folder() / f"{name}-{datetime.now():%Y%m%d-%H%M%S}"
            write_atomic(folder / "recipe.yaml", recipe_yaml(recipe))
            weights = _fetch(recipe, folder, view)
            started_engines.put_away(name)

            def on_phase(phase: str, seconds: float | None) -> None:
                if phase == "start" and seconds is None:
                    _show_doubts(folder / "standup" / "launch.json")
                view.show(
                    events.PhaseStarted(name, phase) if seconds is None else events.PhaseEnded(name, phase, seconds)
                )

            life = Lifetime(
                recipe,
                engine_by_name(recipe.engine),
                weights,
                folder / "standup",
                on_phase,
                reserve=reserve,
                state_file=started_engines.supervisor_file(name),
                afterwards=replaced.again if replaced else (),
            )
            started = UpRecord(
                name=name,
                url=life.endpoint.api,
                host=life.endpoint.host,
                port=life.endpoint.port,
                engine=recipe.engine,
                folder=str(folder),
                started_at=utc_now(),
                again=_again(folder, life.endpoint.port, reserve),
            )
            started_engines.save(started)
            try:
                with life:
                    if replaced:
                        replaced.keep()
                    started_engines.save(_with_record(started, life.record(), recipe))
                    life.hand_over()
            except BaseException:
                started_engines.save(_with_record(started, life.record(), recipe))
                raise
        found = started_engines.find(name)
        assert found is not None
        return found


def contract(up: UpEngine, gone: StopResult | None = None) -> dict[str, Any]:
    """The keys of the contract for one name, and more."""
    started = up.started
    told: dict[str, Any] = {
        "name": started.name,
        "url": started.url,
        "phases": [phase.model_dump(mode="json") for phase in started.phases],
        "backend": started.backend,
        "state": up.state(),
        "phase": up.noted.get("phase"),
        "engine": started.engine,
        "pid": up.engine.pid if up.engine else None,
        "port": started.port,
        "guard": {"reserve_bytes": started.reserve_bytes, "plan_bytes": started.plan_bytes, "alive": up.guarded()},
        "started_at": started.started_at,
        "folder": started.folder,
    }
    if gone is not None:
        told["gone"] = {
            "process": gone.process,
            "port": gone.port,
            "container": gone.container,
            "shared_memory_removed": list(gone.shared_memory),
        }
    return told


def backend_words(up: UpEngine) -> str:
    """What computes, in one line; empty when nothing is known of it."""
    from onbox.judge.results import BackendProof

    return words.backend(BackendProof.model_validate(up.started.backend)) if up.started.backend else ""


def _with_record(started: UpRecord, record: StandUp, recipe: Recipe) -> UpRecord:
    return started.model_copy(
        update={
            "phases": record.phases,
            "backend": backend_proof(record, recipe.model_dump(mode="json")).model_dump(mode="json"),
            "container": record.container,
            "reserve_bytes": record.guard.reserve_bytes if record.guard else None,
            "plan_bytes": record.guard.plan_bytes if record.guard else None,
        }
    )


def _show_doubts(path: Path) -> None:
    """What speaks against the launch, though not enough to refuse it."""
    from onbox.box.checks import Check
    from onbox.cli.launching import show_checks

    checks = LaunchRecord.model_validate_json(path.read_bytes()).checks
    if any(check.status == "warn" for check in checks):
        show_checks(tuple(Check(**check.model_dump()) for check in checks))


def _fetch(recipe: Recipe, folder: Path, view: PlainView) -> Path:
    assert recipe.weights is not None
    path, record = fetch.fetch(
        recipe.weights, lambda done, total, source: view.show(events.Fetching(recipe.name, done, total, source))
    )
    write_json(folder / "weights.json", record)
    return path


def _again(folder: Path, port: int, reserve: int | None) -> tuple[str, ...]:
    command = [sys.executable, "-m", "onbox", "up", str(folder / "recipe.yaml"), "--port", str(port)]
    return tuple([*command, "--reserve", f"{reserve / 2**30:.4f}"] if reserve is not None else command)


@contextmanager
def _alone(name: str) -> Iterator[None]:
    """One `up` of a name at a time."""
    place = state_folder() / "locks" / name
    place.mkdir(parents=True, exist_ok=True)
    with locked(place):
        yield
