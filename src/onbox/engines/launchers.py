"""From the command of an engine to what is started: the process itself, or a client of docker or podman.

An engine writes its command for the place where it will run. `Surroundings` says how that place sees the weights and
the port, and `launch` wraps the command.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from onbox.engines.known import FORK, FORK_VERSION
from onbox.engines.launch import LABEL, Launch
from onbox.engines.log_lines import Failure, LogLines
from onbox.engines.variables import by_name
from onbox.recipes.named_files import named_files, replaced
from onbox.schema.recipe import ArgumentValue, Recipe
from onbox.schema.recipe.container import Container
from onbox.user_folders import cache_folder

FAILURES = (
    Failure("rlimit", r"error setting rlimit|setrlimit .*not permitted",
            "this box lets podman raise no limits: default_ulimits in containers.conf (docs/recipes.md)"),
    Failure("cgroups", r"cgroups in hybrid mode not supported",
            'runtime = "runc" in containers.conf (docs/recipes.md)'),
    Failure("no_gpu", r"could not select device driver",
            "the container toolkit of the GPU's maker is not set up for this launcher"),
    Failure("architecture", r"exec format error", "the image is for another machine: take one for this box"),
    Failure("no_program", r"executable file not found|no such file or directory: (?:unknown|OCI)|not found in \$PATH",
            "the image has no such program: serve.executable, and container.entrypoint"),
)  # fmt: skip
"""Why a container does not start, as docker and podman say it."""
INSIDE = "/onbox"
"""Folder of a container below which onbox mounts what the recipe names."""
STOP_S = 8
"""Seconds that a container has to end by itself."""


@dataclass(frozen=True)
class Surroundings:
    """How the engine sees its surroundings."""

    weights: str
    """Path of the weights, as the engine has to name it."""
    host: str
    """Address to listen on."""
    contained: bool = False
    files: tuple[tuple[Path, str], ...] = ()
    """(path here, path inside) of what has to be mounted."""

    def file(self, path: Path, name: str) -> "tuple[Surroundings, str]":
        """Let one more file in; return the new place and the path by which the engine has to name the file."""
        if not self.contained:
            return self, str(path)
        inside = f"{INSIDE}/{name}"
        return replace(self, files=(*self.files, (path, inside))), inside


def version_by_tag(container: Container) -> str | None:
    """The version that an image's tag names, like `v0.33.0` or `mxfp4`; None for none, or a date like `26.01`."""
    _, _, tag = container.image.rpartition(":")
    match = re.search(r"(?:^|[^\d.])v?(\d\.\d+(?:\.\d+)?)", f" {tag}")
    version = match[1] if match else ""
    return f"{version or FORK_VERSION}-{FORK}" if FORK in tag else version or None


def place(recipe: Recipe, weights: Path) -> Surroundings:
    """Where the recipe's engine runs. A GGUF in parts is mounted with its folder, so that the others are found."""
    container = recipe.container
    if container is None:
        return Surroundings(str(weights), "127.0.0.1")
    # With the host's network the engine binds loopback itself; behind a bridge docker maps loopback to it.
    host = "127.0.0.1" if container.network == "host" else "0.0.0.0"
    if weights.is_file() and re.search(r"-\d{5}-of-\d{5}\.gguf$", weights.name):
        return Surroundings(
            f"{INSIDE}/weights/{weights.name}", host, contained=True, files=((weights.parent, f"{INSIDE}/weights"),)
        )
    inside = f"{INSIDE}/weights/{weights.name}"
    return Surroundings(inside, host, contained=True, files=((weights, inside),))


def with_named_files(recipe: Recipe, where: Surroundings) -> tuple[Surroundings, dict[str, ArgumentValue]]:
    """Let in what the recipe's arguments name, and return the arguments with the paths that the engine has to name."""
    paths: dict[tuple[str, str], str] = {}
    for number, each in enumerate(named_files(recipe), 1):
        if each.is_model:
            paths[each.option, each.name] = where.weights
        elif each.weights is not None:
            path = each.path(cache_folder())
            where, paths[each.option, each.name] = where.file(path, f"named/{number}/{path.name}")
    return where, replaced(recipe.serve.arguments, paths)


def launch(
    recipe: Recipe,
    command: Sequence[str],
    where: Surroundings,
    port: int,
    *,
    log: LogLines,
    stop_hint: str,
    version: str | None,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> Launch:
    """Wrap an engine's command by the recipe's launcher.

    Args:
        environment: what the engine sets by itself; the recipe's own goes before it.
    """
    variables = {**environment, **recipe.serve.environment}
    shared: dict[str, Any] = {"log": log.of_version(version), "stop_hint": stop_hint, "version": version}
    if recipe.container is None:
        return Launch(argv=tuple(command), environment=variables, **shared)
    shared["log"] = replace(shared["log"], failures=(*FAILURES, *shared["log"].failures))
    name = f"onbox-{recipe.name}-{port}"
    client = recipe.launcher
    return Launch(
        environment={key: value for key, value in variables.items() if by_name(value)},
        argv=(
            client,
            *_run(recipe, recipe.container, name, where, port, variables),
            recipe.container.reference,
            *command,
        ),
        launcher=client,
        container=name,
        image=recipe.container.reference,
        build=_build(client, recipe.container),
        end=((client, "stop", "--time", str(STOP_S), name), (client, "rm", "--force", name)),
        **shared,
    )


def _build(client: str, container: Container) -> tuple[str, ...]:
    """`build` and its options; the folder is the last word. Nothing is pulled unless asked for."""
    build = container.build
    if build is None:
        return ()
    words = [client, "build", "--tag", container.reference, "--file", str(build.path)]
    if build.network != "default":
        words += ["--network", build.network]
    if container.platform:
        words += ["--platform", container.platform]
    if build.target:
        words += ["--target", build.target]
    # A step that fails leaves its container behind otherwise; and podman would pull.
    words += [f"--pull={_pull(container)}"] if client == "podman" else ["--force-rm"]
    for key, value in build.arguments.items():
        words += ["--build-arg", f"{key}={value}"]
    return (*words, build.context)


def _pull(container: Container) -> str:
    """What the client may do about an image that is not here; what onbox fetches is here before."""
    return "missing" if container.pull == "daemon" else "never"


def _run(
    recipe: Recipe, container: Container, name: str, where: Surroundings, port: int, variables: Mapping[str, str]
) -> list[str]:
    """`run` and its options: removed at its end, never pulled unless asked for, reachable from this box only."""
    words = ["run", "--rm", "--name", name, "--label", f"{LABEL}={recipe.name}", "--pull", _pull(container)]
    if container.platform:
        words += ["--platform", container.platform]
    if container.network == "host":
        words += ["--network", "host"]
    else:
        words += ["--publish", f"127.0.0.1:{port}:{port}"]
    if container.gpus:
        words += ["--device", "nvidia.com/gpu=all"] if recipe.launcher == "podman" else ["--gpus", container.gpus]
    if container.ipc == "host":
        words += ["--ipc", "host"]
    elif container.shm_bytes:
        words += ["--shm-size", str(container.shm_bytes)]
    for host, inside in where.files:
        words += ["--volume", f"{host.resolve()}:{inside}:ro"]
    for mount in container.mounts:
        host = Path(mount.host).expanduser()
        words += ["--volume", f"{host}:{mount.inside}" + (":ro" if mount.read_only else "")]
    for key, value in variables.items():
        words += ["--env", key if by_name(value) else f"{key}={value}"]
    if container.entrypoint is not None:
        words += ["--entrypoint", container.entrypoint]
    return words
