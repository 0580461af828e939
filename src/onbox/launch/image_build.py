"""An image that is built here, once for the same inputs, under the watch; where it fails, the step is quoted."""

import re
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from onbox.atomic_files import clean, write_json
from onbox.engines import Launch
from onbox.engines.landmarks import CONTAINERS, Landmarks
from onbox.errors import BoxError, EngineError
from onbox.evidence.records import ImageUsed, Phase
from onbox.launch.child_process import end_group, ended_with_onbox
from onbox.launch.containers import ContainerClient
from onbox.recipes.build_inputs import inputs_sha256
from onbox.recipes.dockerfile import base_images
from onbox.schema.recipe import Recipe
from onbox.schema.recipe.container import Container
from onbox.schema.units import seconds
from onbox.watch.classify import Assessment, WatchState, as_json
from onbox.watch.collect import Collector, Target
from onbox.watch.logs import FileLog
from onbox.watch.recording import Header, Recorder
from onbox.watch.watcher import Tracker, Watcher

PHASE = "build"
LOOK_S = 1.0
GRACE_S = 8.0
QUOTED_LINES = 3
STEP = re.compile(r"^(?:Step \d+/\d+ : |STEP \d+/\d+: )")
"""Of a classic build, and of podman's."""
NO_WORD = re.compile(r"^(?:--->.*)?$")
BUILDKIT = re.compile(r"^#(?P<step>\d+) (?:\[(?P<name>.+)|[\d.]+ (?P<said>.+)|ERROR: (?P<error>.+))$")
COLOUR = re.compile(r"\x1b\[[\d;]*m")


def trouble(program: str, container: Container) -> tuple[str, str]:
    """(why the image cannot be built as the recipe says, what to do about it); two empty texts for one that can."""
    build = container.build
    assert build is not None
    if not build.path.is_file():
        return f"{build.path}: no such file", "container.build: name the folder and its Dockerfile"
    if inputs_sha256(build, container.platform) != build.sha256:
        return f"{build.context} has changed since the recipe was read", "start again with the recipe's own file"
    if container.pull == "never":
        for base in base_images(build.path.read_text("utf-8", "replace"), build.arguments):
            if ContainerClient(program).image(base) is None:
                return f"FROM {base}: not here", f"onbox image fetch {base}, or container.pull: missing"
    return "", ""


def build_image(name: str, launch: Launch, folder: Path, patience_s: float | None) -> Phase:
    """Build the image of a launch, and wait for as long as it gets on.

    Args:
        name: of the contender, for messages.
        launch: with the command.
        folder: `CONTENDER/standup` in the evidence folder; `build.log` and `build.jsonl` are written there.
        patience_s: how long it may go without progress; None: as long as the phase may.

    Returns:
        The phase, as it was.

    Raises:
        BoxError: it failed; the step and its last words are quoted.
        EngineError: it hung, and was ended.
    """
    return run_build(name, launch.build, launch.image or "", folder, patience_s)


def run_build(
    name: str,
    argv: Sequence[str],
    image: str,
    folder: Path,
    patience_s: float | None,
    on_assessment: Callable[[Assessment], None] = lambda verdict: None,
) -> Phase:
    """As `build_image`, of any command that builds an image; `on_look` is told of every look."""
    log = folder / "build.log"
    began = time.monotonic()
    with log.open("wb") as sink:
        client = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=ended_with_onbox(signal.SIGTERM),  # a client of docker that ends has its build cancelled
        )
    marks = Landmarks(CONTAINERS)
    target = Target(
        pids=(client.pid,),
        log=FileLog(log),
        phase=PHASE,
        exit_code=client.poll,
        landmarks=marks,
        makes_containers=True,
    )
    recorder = Recorder(folder / "build.jsonl", Header(title=f"{name}: {PHASE}"))
    watcher = Watcher(Collector(target), Tracker(patience_s, marks, PHASE), recorder)
    try:
        while client.poll() is None:
            verdict, _ = watcher.tick()
            on_assessment(verdict)
            if verdict.state is WatchState.HUNG:
                write_json(folder / "hung.json", as_json(verdict))
                raise EngineError(
                    f"{name}: the build of {image} hung: no progress for {seconds(verdict.still_s)}",
                    f"recorded: onbox watch --replay {folder / 'build.jsonl'}",
                )
            with suppress(subprocess.TimeoutExpired):
                client.wait(LOOK_S)
    finally:
        end_group(client, GRACE_S)
        watcher.close()
        clean(log)
    if client.returncode:
        why = failure(log.read_text("utf-8", "replace").splitlines())
        raise BoxError(f"{name}: container.build: {why}", f"fix it and try again; its whole output: {log}")
    laps = watcher.tracker.laps
    lowest = [lap.available_min_bytes for lap in laps if lap.available_min_bytes is not None]
    return Phase(
        name=PHASE,
        seconds=round(time.monotonic() - began, 3),
        detail=image,
        peak_bytes=max(lap.peak_bytes for lap in laps),
        available_min_bytes=min(lowest, default=None),
    )


def failure(lines: Sequence[str]) -> str:
    """The step that failed and what was said last, as one line."""
    lines = [COLOUR.sub("", line).rstrip() for line in lines]
    step, why = _failure_of_buildkit(lines) or _failure_by_order(lines)
    return f"{step}: {' | '.join(why[-QUOTED_LINES:]) or 'it printed nothing'}"


def _failure_of_buildkit(lines: Sequence[str]) -> tuple[str, list[str]] | None:
    """BuildKit numbers its steps, whose lines come mixed; None where no step of it failed."""
    found = [match for line in lines if (match := BUILDKIT.match(line))]
    failed = next((match["step"] for match in reversed(found) if match["error"]), None)
    mine = [match for match in found if match["step"] == failed]
    name = next((f"[{match['name']}" for match in mine if match["name"]), "")
    messages = [match["said"] or match["error"] for match in mine if match["said"] or match["error"]]
    return (name, messages) if failed else None


def _failure_by_order(lines: Sequence[str]) -> tuple[str, list[str]]:
    """The last step that was begun is the one that failed."""
    at = max((number for number, line in enumerate(lines) if STEP.match(line)), default=-1)
    messages = [line.strip() for line in lines[at + 1 :] if not NO_WORD.match(line.strip())]
    return lines[at] if at >= 0 else "no step was started", messages


def image_used(recipe: Recipe, launch: Launch) -> ImageUsed | None:
    """The image of a launch as the daemon has it; None for a process, or where nobody tells."""
    if recipe.container is None:
        return None
    here = ContainerClient(launch.launcher).image(recipe.container.reference)
    if here is None:
        return None
    build = recipe.container.build
    return ImageUsed(
        reference=recipe.container.reference,
        id=here.id,
        digests=here.digests,
        architecture=here.architecture,
        build_sha256=build.sha256 if build else "",
        build_argv=launch.build,
    )
