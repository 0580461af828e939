"""An image built once for the same inputs: staged, built under the watch, read, sealed."""

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from onbox.atomic_files import utc_now
from onbox.errors import OnboxError
from onbox.image.daemon import Daemon, id_of
from onbox.image.jobs import Jobs, jobs_for
from onbox.image.seal import Seal, Seals, differences, inputs_hash, labels, sealed_name, statement_of
from onbox.image.staging import FetchOne, build_inputs, needs_of, stage_context, stage_images
from onbox.image.store import ImageStore
from onbox.image.verify import verify_image
from onbox.launch.image_build import run_build
from onbox.machine_names import machine
from onbox.schema.recipe.build import Build
from onbox.watch.classify import Assessment


@dataclass(frozen=True)
class BuildRequest:
    """What is to be built.

    Args:
        recipe: its name.
        image: name without tag.
        reference: with the tag that recipes know it by.
        build: how.
        platform: like `linux/arm64`; empty is this box's.
        chip: what it is built for, as the recipe's arguments say it; empty where they do not.
    """

    recipe: str
    image: str
    reference: str
    build: Build
    platform: str = ""
    chip: str = ""


@dataclass(frozen=True)
class BuildResult:
    """What is here now."""

    seal: Seal
    found: bool
    """It was here already: nothing was built."""
    changed: tuple[str, ...]
    """What differs from the last build of this recipe, where there was one."""
    seconds: float
    statement: Path | None
    jobs: Jobs | None = None


def build_image(
    daemon: Daemon,
    wanted: BuildRequest,
    store: ImageStore,
    fetch_one: FetchOne,
    *,
    chip: int | None = None,
    patience_s: float | None = None,
    tell: Callable[[str], None] = lambda text: None,
    on_assessment: Callable[[Assessment], None] = lambda verdict: None,
) -> BuildResult:
    """Find the sealed image of these inputs, or build and seal it.

    Args:
        fetch_one: brings an image that a line of the Dockerfile needs.
        chip: what its binaries are judged for, like 121.
        patience_s: how long the build may go without progress; None: as long as a build may.
        tell: called with what is done.
        on_look: told of every look at the build.

    Raises:
        UsageError: the Dockerfile is none.
        BoxError: something it needs cannot be had, or a step failed: it is quoted.
        EngineError: it hung, and was ended.
    """
    began = time.monotonic()
    build, seals = wanted.build, Seals(store)
    platform = wanted.platform or f"linux/{machine()}"
    needed = needs_of(build, platform)
    ids = stage_images(daemon, needed, fetch_one)
    inputs = build_inputs(build, platform, ids, wanted.chip)
    last = seals.last_of(wanted.recipe)
    if found := _sealed(daemon, seals, inputs, wanted):
        return BuildResult(found, True, (), round(time.monotonic() - began, 3), None)
    changed = differences(last.inputs, inputs) if last else ()
    if changed:
        tell(f"{wanted.recipe}: built anew, as this changed: {'; '.join(changed)}")
    jobs = jobs_for(build, last)
    context = stage_context(build, store.root / "contexts")
    folder = store.root / "builds" / inputs_hash(inputs)[:16]
    folder.mkdir(parents=True, exist_ok=True)
    argv = _command(daemon, wanted, context, inputs, jobs)
    tell(
        f"building {wanted.reference}: {folder / 'build.log'}"
        + (f"; {jobs.count} jobs: {jobs.why}" if jobs.count else "")
    )
    phase = run_build(wanted.recipe, argv, wanted.reference, folder, patience_s, on_assessment)
    image = daemon.image(wanted.reference)
    assert image is not None, "a build that ended well has its image"
    name = sealed_name(wanted.image, inputs)
    daemon.ask("tag", image.id, name)
    arch: tuple[str, ...] = ()
    try:
        arch = verify_image(daemon, wanted.reference, chip).archs
    except OnboxError as error:
        tell(f"its binaries could not be read: {error.message}")
    seal = Seal(
        recipe=wanted.recipe,
        reference=wanted.reference,
        sealed=name,
        inputs=inputs,
        inputs_sha256=inputs_hash(inputs),
        image_id=id_of(image),
        arch=arch,
        platform=platform,
        size_bytes=image.size_bytes,
        program=daemon.program,
        built_at=utc_now(),
        seconds=phase.seconds,
        jobs=jobs.count,
        peak_bytes=phase.peak_bytes,
        builder=daemon.version,
    )
    log = hashlib.sha256((folder / "build.log").read_bytes()).hexdigest()
    path = seals.write(seal, statement_of(seal, log))
    return BuildResult(seal, False, changed, round(time.monotonic() - began, 3), path, jobs)


def _sealed(daemon: Daemon, seals: Seals, inputs: Mapping[str, str], wanted: BuildRequest) -> Seal | None:
    """The sealed image of these inputs, if the daemon still has it; its names are given again where they are gone."""
    found = seals.of_inputs(inputs, daemon.program)
    if found is None:
        return None
    here = daemon.image(found.image_id)
    if here is None:
        return None
    for name in (found.sealed, wanted.reference):
        named = daemon.image(name)
        if named is None or id_of(named) != found.image_id:
            daemon.ask("tag", here.id, name)
    return found


def _command(daemon: Daemon, wanted: BuildRequest, context: Path, inputs: Mapping[str, str], jobs: Jobs) -> list[str]:
    """`build` with its options. No base is pulled: all are here."""
    build = wanted.build
    words = [daemon.program, "build", "--tag", wanted.reference, "--file", str(context / build.dockerfile)]
    if build.network != "default":
        words += ["--network", build.network]
    if wanted.platform:
        words += ["--platform", wanted.platform]
    if build.target:
        words += ["--target", build.target]
    words += ["--pull=never"] if daemon.is_podman else ["--force-rm"]
    if not daemon.is_podman and daemon.uses_buildkit:
        words += ["--progress", "plain"]
    for key, value in build.arguments.items():
        words += ["--build-arg", f"{key}={value}"]
    if jobs.count:
        words += ["--build-arg", f"JOBS={jobs.count}"]
    for key, value in labels(wanted.recipe, inputs).items():
        words += ["--label", f"{key}={value}"]
    return [*words, str(context)]
