"""Where a task is worked on: the sandbox that its commands run in, and how a fresh workspace is made.

A Dockerfile that only copies files needs no Docker: its workspace is made by copying, in any tier. Any other is built
into an image, without network and only on images that are on this box, and its commands run in containers of it. A
task may name a ready image instead; as in Harbor, that goes before a Dockerfile, and files that lie beside none are
copied into its WORKDIR.
"""

import os
import posixpath
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from onbox.bench.image_layout import WORKDIR, is_taken
from onbox.bench.sandbox import Sandbox
from onbox.bench.sandbox.container import ContainerSandbox
from onbox.bench.sandbox.equipped import EquippedSandbox
from onbox.bench.task_sandbox import TaskSandbox
from onbox.bench.tasks import Task, tree_sha256
from onbox.bench.workspace import MTIME_S, make_workspace, needs_docker
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
    env = dict(task.variables)
    ready = isinstance(sandbox, ContainerSandbox) and task.image and sandbox.has(task.image)
    if task.layout is not None and not ready:
        workdir = task.layout.workdir
        equipped = sandbox if task.sealed is None else EquippedSandbox(sandbox, task.sealed)
        placed = TaskSandbox(equipped, workdir, {**_home(workdir), **dict(task.layout.env), **env})
        return Environment(placed, partial(make_workspace, task))
    if not isinstance(sandbox, ContainerSandbox):
        raise BoxError(needs_docker(task), "set ONBOX_SANDBOX=docker, or use a task that only copies files")
    image = _image(task, sandbox)
    workdir = _workdir(task, sandbox, image)
    placed = TaskSandbox(sandbox.of_image(image), workdir, env)
    return Environment(placed, partial(_copy_out, sandbox, image, workdir, _workdir_files(task)))


def _home(workdir: str) -> dict[str, str]:
    """Where the workspace is root's home, it is the home of commands too, as in Harbor's containers."""
    return {"HOME": workdir} if workdir == "/root" else {}


def _workdir_files(task: Task) -> Path | None:
    """The files that go into the WORKDIR of a ready image: those of `environment/`, where no Dockerfile takes them."""
    alone = task.image and not (task.environment / "Dockerfile").exists() and task.environment.is_dir()
    return task.environment if alone else None


def _image(task: Task, tier: ContainerSandbox) -> str:
    """The task's image: a ready one, or one named by the hash of what it is built from, so that it is built once."""
    dockerfile = task.environment / "Dockerfile"
    if task.image and (tier.has(task.image) or not dockerfile.is_file()):
        if not tier.has(task.image):
            message = f"{task.path / 'task.toml'}: environment.docker_image: {task.image}: not on this box"
            raise BoxError(message, f"onbox image fetch {task.image}")
        return task.image
    name = f"onbox-task/{task.name.lower()}:{tree_sha256(task.environment)[:12]}"
    if tier.has(name):
        return name
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
    return name


def _workdir(task: Task, tier: ContainerSandbox, image: str) -> str:
    """Where the workspace is: one folder of the container, and all that is kept of it."""
    path = task.workdir or tier.client.ask("image", "inspect", "--format", "{{.Config.WorkingDir}}", image)
    workdir = posixpath.normpath(path or "/")
    if workdir == "/" or is_taken(workdir):
        message = f"{task.name}: its WORKDIR is {workdir}, and onbox keeps only one folder of a container"
        raise BoxError(message, f"give it a WORKDIR of its own, such as {WORKDIR}, or run it with Harbor")
    return workdir


def _copy_out(tier: ContainerSandbox, image: str, workdir: str, sibling: Path | None, target: Path) -> None:
    """Copy the workspace out of a container that is never started."""
    target.mkdir(parents=True, exist_ok=True)
    container = tier.client.ask("create", "--pull", "never", "--network", "none", image, "true")
    try:
        # A WORKDIR that the task names may be none of the image's, and is empty then.
        done = tier.client.call("cp", f"{container}:{workdir}/.", str(target))
        if done.returncode != 0 and b"o such" not in done.stderr and b"ould not find" not in done.stderr:
            raise BoxError(f"{image}: {workdir}: {done.stderr.decode('utf-8', 'replace').strip()}")
    finally:
        tier.client.ask("rm", "--force", container)
    if sibling is not None:
        shutil.copytree(sibling, target, dirs_exist_ok=True, symlinks=True)
    for folder, _, names in os.walk(target, topdown=False):
        for path in [Path(folder, name) for name in names] + [Path(folder)]:
            os.utime(path, (MTIME_S, MTIME_S), follow_symlinks=False)
