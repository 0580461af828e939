"""Where a task is worked on: the sandbox that its commands run in, and how a fresh workspace is made.

A Dockerfile that only copies files needs no Docker: its workspace is made by copying, in any tier. Any other is built
into an image, without network and only on images that are on this box, and its commands run in containers of it.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from onbox.bench.dockerfile import WORKDIR
from onbox.bench.sandbox import Sandbox
from onbox.bench.sandbox.container import Container
from onbox.bench.sandbox.equipped import Equipped
from onbox.bench.tasks import Task, tree_sha256
from onbox.bench.workspace import MTIME_S, make_workspace
from onbox.errors import BoxError
from onbox.recipes.dockerfile import base_images

BUILD_S = 900.0


@dataclass(frozen=True)
class Environment:
    """Of one task.

    Args:
        sandbox: for the agent's commands and the gate.
        make: makes a fresh workspace in an empty or missing folder.
    """

    sandbox: Sandbox
    make: Callable[[Path], None]


def environment_of(task: Task, sandbox: Sandbox) -> Environment:
    """Where a task is worked on; its image is built if it needs one that is not here.

    Args:
        task: any task.
        sandbox: the tier of the trial.

    Raises:
        BoxError: the task needs an image and the tier is none of containers, or the image cannot be built.
    """
    if not task.needs_docker:
        equipped = Equipped(sandbox, task.sealed) if task.sealed is not None else sandbox
        return Environment(equipped, partial(make_workspace, task))
    if not isinstance(sandbox, Container):
        raise BoxError(
            f"{task.name}: environment/Dockerfile does more than FROM, WORKDIR /app and COPY, and needs Docker",
            "set ONBOX_SANDBOX=docker, or take a task that only copies files",
        )
    image = _image(task, sandbox)
    return Environment(sandbox.of_image(image), partial(_copy_out, sandbox, image))


def _image(task: Task, tier: Container) -> str:
    """The task's image: named by the hash of what it is built from, so that it is built once."""
    name = f"onbox-task/{task.name.lower()}:{tree_sha256(task.environment)[:12]}"
    if tier.has(name):
        return name
    dockerfile = task.environment / "Dockerfile"
    build = ("build", "--network", "none", "--tag", name, str(task.environment))
    by_hand = f"with a network: {tier.name} build --tag {name} {task.environment}"
    for base in base_images(dockerfile.read_text("utf-8", "replace")):
        # Looked up before the build: a missing base would be fetched from a registry.
        if not tier.has(base):
            raise BoxError(f"{dockerfile}: FROM {base}: not on this box", f"onbox image fetch {base}, or {by_hand}")
    try:
        tier.client.ask(*build, timeout_s=BUILD_S)
    except BoxError as error:
        raise BoxError(f"{dockerfile}: {error.message}", by_hand) from error
    workdir = tier.client.ask("image", "inspect", "--format", "{{.Config.WorkingDir}}", name)
    if workdir.rstrip("/") != WORKDIR:
        raise BoxError(f"{dockerfile}: WORKDIR is {workdir or '/'}", f"end it with WORKDIR {WORKDIR}")
    return name


def _copy_out(tier: Container, image: str, target: Path) -> None:
    """Copy the workspace out of a container that is never started."""
    target.mkdir(parents=True, exist_ok=True)
    container = tier.client.ask("create", "--pull", "never", "--network", "none", image, "true")
    try:
        tier.client.ask("cp", f"{container}:{WORKDIR}/.", str(target))
    finally:
        tier.client.ask("rm", "--force", container)
    for folder, _, names in os.walk(target, topdown=False):
        for path in [Path(folder, name) for name in names] + [Path(folder)]:
            os.utime(path, (MTIME_S, MTIME_S), follow_symlinks=False)
