"""Stand a recipe up and hand it over to its supervisor, say how it does, and stop it."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from onbox import recipes
from onbox.atomic_files import utc_now, write_atomic, write_json
from onbox.engines import engine_by_name
from onbox.errors import BoxError, UsageError
from onbox.evidence.lock import locked
from onbox.evidence.records import LaunchRecord, StandUp
from onbox.fetch.named import fetch_with_named
from onbox.image.fetch import ImageProgress
from onbox.image.prepare import prepare
from onbox.judge.results import BackendProof
from onbox.judge.verdict.backend import backend_proof
from onbox.launch import started_engines
from onbox.launch.lifetime import Lifetime
from onbox.launch.started_engines import StopResult, UpEngine, UpRecord
from onbox.launch.swap_out import SwapOut
from onbox.recipes import Recipe
from onbox.recipes.yaml_text import recipe_yaml
from onbox.schema.checks import Check
from onbox.trial import events
from onbox.user_folders import state_folder


def stand_up(
    recipe: Recipe | str,
    *,
    name: str | None = None,
    port: int | None = None,
    reserve_bytes: int | None = None,
    replace: str | None = None,
    check_weights: bool | None = None,
    show: Callable[[events.Event], None] = lambda event: None,
    on_checks: Callable[[tuple[Check, ...]], None] = lambda checks: None,
) -> UpEngine:
    """Start, wait until it serves, and leave it to its supervisor; until then an end of this process is its end too.

    Args:
        recipe: what to serve: a recipe, its file, the name of one that comes along, or a GGUF file.
        name: by which `stop_engine` and `running_engines` know it; None takes the recipe's.
        port: None takes any free one.
        reserve_bytes: what must stay available; None takes the default for this box.
        replace: a name that makes room, and is running again when this one has ended.
        check_weights: hash all weights again, also those whose hash is known; None: where ONBOX_CHECK_WEIGHTS is set.
        show: called with each event.
        on_checks: called with the checks of the launch, where one of them warns.

    Raises:
        UsageError: something of that name is up already, or there is nothing to replace.
        BoxError: this box cannot do it.
        GuardStop: the guard had to stop it.
    """
    recipe = find_recipe(recipe, name=name, port=port)
    with _one_at_a_time(recipe.name):
        started_engines.refuse_twice(recipe.name)
        with SwapOut(replace) if replace else nullcontext() as replaced:
            name = recipe.name
            folder = state_folder() / f"{name}-{datetime.now():%Y%m%d-%H%M%S}"
            write_atomic(folder / "recipe.yaml", recipe_yaml(recipe))
            recipe = _prepare_image(recipe, show)
            weights = _fetch(recipe, folder, show, check_weights)
            started_engines.put_away(name)

            def on_phase(phase: str, seconds: float | None) -> None:
                if phase == "start" and seconds is None:
                    _show_checks(folder / "standup" / "launch.json", on_checks)
                show(events.PhaseStarted(name, phase) if seconds is None else events.PhaseEnded(name, phase, seconds))

            life = Lifetime(
                recipe,
                engine_by_name(recipe.engine),
                weights,
                folder / "standup",
                on_phase,
                reserve=reserve_bytes,
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
                again=_again(folder, life.endpoint.port, reserve_bytes),
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


def find_recipe(recipe: Recipe | str, *, name: str | None = None, port: int | None = None) -> Recipe:
    """A recipe by its file or name, with another name or port where they are given.

    Raises:
        UsageError: there is none, it is malformed, or the name is none for a folder.
    """
    found = recipes.find(recipe) if isinstance(recipe, str) else recipe
    if port is not None:
        found = found.model_copy(update={"serve": found.serve.model_copy(update={"port": port})})
    if name is not None:
        found = Recipe.model_validate({**found.model_dump(mode="json"), "name": name})
    return found


class StoppedEngine(NamedTuple):
    """What served, and the proof that it is gone."""

    engine: UpEngine
    proof: StopResult


def stop_engine(name: str) -> StoppedEngine:
    """Stop what was stood up under a name, see that nothing of it is left, and forget it; its evidence stays.

    Raises:
        UsageError: nothing of that name was stood up.
        BoxError: something of it is still there.
    """
    found = started_engines.find(name)
    if found is None:
        known = ", ".join(each.started.name for each in started_engines.all_running()) or "nothing is up"
        raise UsageError(f"{name}: `onbox up` started no engine of that name", f"onbox ps ({known})")
    gone = started_engines.stop(found)
    found = started_engines.find(name) or found
    if not gone.is_gone:
        left = [what for what in ("process", "port", "container") if getattr(gone, what) is False]
        pid = found.engine.pid if found.engine else None
        raise BoxError(f"{name}: still there: {', '.join(left)}", f"look at process {pid}, port {found.started.port}")
    started_engines.put_away(name)
    return StoppedEngine(found, gone)


def running_engines() -> list[UpEngine]:
    """What was stood up and not stopped yet, by its processes as they are now."""
    return started_engines.all_running()


def as_json(up: UpEngine, gone: StopResult | None = None) -> dict[str, Any]:
    """The keys of the command line contract for one name, and more."""
    started = up.started
    found: dict[str, Any] = {
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
        found["gone"] = {
            "process": gone.process,
            "port": gone.port,
            "container": gone.container,
            "shared_memory_removed": list(gone.shared_memory),
        }
    return found


def backend_of(up: UpEngine) -> BackendProof | None:
    """What computes; None when nothing is known of it."""
    return BackendProof.model_validate(up.started.backend) if up.started.backend else None


def _with_record(started: UpRecord, record: StandUp, recipe: Recipe) -> UpRecord:
    return started.model_copy(
        update={
            "phases": record.phases,
            "backend": backend_proof(record, recipe.expect).model_dump(mode="json"),
            "container": record.container,
            "reserve_bytes": record.guard.reserve_bytes if record.guard else None,
            "plan_bytes": record.guard.plan_bytes if record.guard else None,
        }
    )


def _show_checks(path: Path, on_checks: Callable[[tuple[Check, ...]], None]) -> None:
    """What speaks against the launch, though not enough to refuse it."""
    checks = LaunchRecord.model_validate_json(path.read_bytes()).checks
    if any(check.status == "warn" for check in checks):
        on_checks(checks)


def _prepare_image(recipe: Recipe, show: Callable[[events.Event], None]) -> Recipe:
    """The recipe, its image here: fetched beside the daemon or built, each a phase of its own."""
    name = recipe.name

    def on_phase(phase: str, seconds: float | None) -> None:
        show(events.PhaseStarted(name, phase) if seconds is None else events.PhaseEnded(name, phase, seconds))

    def on_progress(progress: ImageProgress) -> None:
        show(events.FetchProgress(name, progress.bytes_done, progress.bytes_total, progress.phase))

    return prepare(recipe, on_phase, on_progress)


def _fetch(recipe: Recipe, folder: Path, show: Callable[[events.Event], None], check_weights: bool | None) -> Path:
    assert recipe.weights is not None
    path, record = fetch_with_named(
        recipe,
        lambda done, total, source: show(events.FetchProgress(recipe.name, done, total, source)),
        full_check=check_weights,
    )
    write_json(folder / "weights.json", record)
    return path


def _again(folder: Path, port: int, reserve: int | None) -> tuple[str, ...]:
    command = [sys.executable, "-m", "onbox", "up", str(folder / "recipe.yaml"), "--port", str(port)]
    return tuple([*command, "--reserve", f"{reserve / 2**30:.4f}"] if reserve is not None else command)


@contextmanager
def _one_at_a_time(name: str) -> Iterator[None]:
    """One `up` of a name at a time."""
    place = state_folder() / "locks" / name
    place.mkdir(parents=True, exist_ok=True)
    with locked(place):
        yield
