"""Everything that a build needs, brought here before it begins: images, the frontend, and sources at their commits."""

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from onbox.errors import BoxError, FetchError, UsageError
from onbox.image.daemon import Daemon, id_of
from onbox.recipes.dockerfile import Dockerfile, SourceImage, read_dockerfile
from onbox.schema.recipe.build import Build, BuildSource

GIT_S = 1800.0
FetchOne = Callable[[SourceImage], None]
"""Brings one image into the daemon by the fast route."""


def needs_of(build: Build, platform: str) -> Dockerfile:
    """What a build's Dockerfile starts from.

    Raises:
        UsageError: it is not there, or an image's name depends on a value that nobody gave.
    """
    try:
        text = build.path.read_text("utf-8", "replace")
    except OSError as error:
        raise UsageError(f"{build.path}: {error.strerror}", "name the folder and its Dockerfile") from error
    found = read_dockerfile(text, build.arguments, target=build.target, platform=platform)
    if found.unknown:
        raise UsageError(f"{build.path}: {found.unknown[0]}: no value is given for it", "container.build.arguments")
    if not found.stages:
        raise UsageError(f"{build.path}: has no FROM", "start it with FROM and an image")
    return found


def stage_images(daemon: Daemon, needed: Dockerfile, fetch_one: FetchOne) -> dict[str, str]:
    """Bring what is not here yet; image -> its id.

    Raises:
        BoxError, FetchError, UsageError: as `fetch_one`; which line needs it is added.
    """
    ids: dict[str, str] = {}
    for each in needed.images:
        if daemon.image(each.name) is None:
            fetch_one(each)
        here = daemon.image(each.name)
        if here is None:
            raise BoxError(f"line {each.line}: {each.kind} {each.name}: not in {daemon.program} after it was fetched")
        ids[f"{'frontend' if each.kind == 'syntax' else 'base'} {each.name}"] = id_of(here)
    return ids


def stage_context(build: Build, folder: Path) -> Path:
    """The folder to build from: the recipe's own, or a copy with the sources in it.

    Raises:
        BoxError: git is missing.
        FetchError: a commit could not be fetched.
    """
    if not build.sources:
        return Path(build.context)
    kept = folder / build.sha256[:16]
    context = kept / "context"
    if (kept / "complete").is_file():
        return context
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(build.context, context, symlinks=True)
    for name, source in build.sources.items():
        _checkout(source, context / "sources" / name, name)
    (kept / "complete").touch()
    return context


def _checkout(source: BuildSource, folder: Path, name: str) -> None:
    """One commit with its submodules, without history; the hash of a commit names all of its content."""
    folder.mkdir(parents=True)
    _git(folder, name, "init", "--quiet")
    _git(folder, name, "fetch", "--quiet", "--depth", "1", source.git, source.commit)
    _git(folder, name, "checkout", "--quiet", "--detach", source.commit)
    if _git(folder, name, "rev-parse", "HEAD") != source.commit:
        raise FetchError(f"sources.{name}: {source.git} gave another commit than {source.commit}")
    if (folder / ".gitmodules").is_file():
        _git(folder, name, "submodule", "--quiet", "update", "--init", "--recursive", "--depth", "1")


def _git(folder: Path, name: str, *words: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), "-c", "protocol.file.allow=always", *words],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=GIT_S, check=False,
            env={**os.environ, "GIT_TERMINAL_PROMPT": "0"},
        )  # fmt: skip
    except FileNotFoundError as error:
        raise BoxError("git is not installed, and the build has sources", "apt install git") from error
    except subprocess.TimeoutExpired as error:
        raise FetchError(f"sources.{name}: git took longer than {GIT_S:.0f} s") from error
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise FetchError(f"sources.{name}: git {words[0]}: {lines[-1][:240]}", "check url, commit and network")
    return done.stdout.strip()


def build_inputs(build: Build, platform: str, ids: Mapping[str, str], chip: str) -> dict[str, str]:
    """All that the image follows from, by name, as text."""
    return {
        "dockerfile and context": build.sha256,
        "platform": platform,
        "target": build.target,
        "network": build.network,
        "chip": chip,
        **{f"argument {name}": value for name, value in build.arguments.items()},
        **{f"source {name}": f"{source.git}@{source.commit}" for name, source in build.sources.items()},
        **ids,
    }
