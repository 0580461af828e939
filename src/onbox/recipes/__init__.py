"""Recipes: one file that says how to serve given weights."""

from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from onbox.errors import UsageError
from onbox.input_files import input_text
from onbox.recipes.build_inputs import inputs_sha256
from onbox.recipes.named_files import absolute
from onbox.recipes.sparkrun import from_sparkrun, is_sparkrun
from onbox.recipes.yaml_text import read_yaml, recipe_of
from onbox.schema.recipe import Recipe, Serve, Weights
from onbox.schema.recipe.build import Build
from onbox.schema.recipe.container import Container
from onbox.schema.recipe.name import slug

__all__ = ["EMBEDDED_PAIR", "Recipe", "Serve", "Weights", "builtin_names", "load", "of_gguf", "of_url", "parse", "slug"]

EMBEDDED_PAIR = ("qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b")
"""The incumbent and the challenger of a trial that names no contender."""


def builtin_names() -> list[str]:
    """The recipes that come with onbox."""
    folder = resources.files("onbox.recipes") / "builtin"
    return sorted(item.name.removesuffix(".yaml") for item in folder.iterdir() if item.name.endswith(".yaml"))


def load(name_or_path: str) -> Recipe:
    """Load a recipe that comes with onbox by its name, or any recipe file by its path; sparkrun's are taken too.

    Raises:
        UsageError: no such recipe, not YAML (with file and line), or a wrong field (by name).
    """
    if name_or_path in builtin_names():
        source = resources.files("onbox.recipes") / "builtin" / f"{name_or_path}.yaml"
        return parse(yaml.safe_load(source.read_text("utf-8")), where=name_or_path, folder=None)
    path = Path(name_or_path)
    data = read_yaml(path)
    if is_sparkrun(data):
        return _located(from_sparkrun(data, where=str(path), stem=path.stem), str(path), path.parent)
    return parse(data, where=str(path), folder=path.parent)


def find(name: str, folder: Path = Path()) -> Recipe:
    """The recipe that a name on the command line stands for: a builtin one, a recipe's file, or a GGUF file.

    Args:
        folder: where relative paths start.

    Raises:
        UsageError: there is no such recipe, or something is wrong with it.
    """
    path = folder / name
    if path.suffix == ".gguf":
        return of_gguf(path)
    if name in builtin_names():
        return load(name)
    if path.suffix in (".yaml", ".yml"):
        return load(str(path))
    raise UsageError(f"{name}: no such recipe", f"a .gguf file, a recipe file, or one of {', '.join(builtin_names())}")


def parse(data: Any, *, where: str, folder: Path | None) -> Recipe:
    """Check a recipe, put the text of its chat template in the place of its file name, and make its paths absolute.

    Args:
        data: the parsed YAML.
        where: what to call it in errors.
        folder: where relative paths start; None for a recipe that comes with onbox.

    Raises:
        UsageError: a field is wrong or a file is missing.
    """
    return _located(recipe_of(data, where), where, folder)


def _located(recipe: Recipe, where: str, folder: Path | None) -> Recipe:
    """The recipe with the text of its template, and with paths that no longer depend on where its file lies."""
    changes: dict[str, Any] = {}
    name = recipe.serve.chat_template
    if name and "{" not in name:
        text = _template(name, where, folder)
        changes["serve"] = recipe.serve.model_copy(update={"chat_template": text, "chat_template_name": name})
    if folder is not None:
        changes |= _paths(recipe.model_copy(update=changes), folder)
    return recipe.model_copy(update=changes)


def _paths(recipe: Recipe, folder: Path) -> dict[str, Any]:
    """The parts of a recipe that name files, with paths that no longer depend on where it lies."""
    changes: dict[str, Any] = {}

    def weights(given: Weights) -> Weights:
        path = given.path and str((folder / given.path).expanduser().resolve())
        return given.model_copy(update={"path": path})

    if recipe.weights:
        changes["weights"] = weights(recipe.weights)
    if recipe.vision and recipe.vision.projector:
        changes["vision"] = recipe.vision.model_copy(update={"projector": weights(recipe.vision.projector)})
    serve: dict[str, Any] = {"arguments": absolute(recipe.serve.arguments, recipe.engine, folder)}
    if "/" in recipe.serve.executable and recipe.container is None:
        # Not resolved: a Python of a virtual environment is a link.
        serve["executable"] = str((folder / Path(recipe.serve.executable).expanduser()).absolute())
    changes["serve"] = recipe.serve.model_copy(update=serve)
    if recipe.container:
        mounts = tuple(
            mount.model_copy(update={"host": str((folder / Path(mount.host).expanduser()).absolute())})
            for mount in recipe.container.mounts
        )
        build = _build(recipe.container, folder)
        changes["container"] = recipe.container.model_copy(update={"mounts": mounts, "build": build})
    return changes


def _build(container: Container, folder: Path) -> Build | None:
    """What the image is made from, held to what it is now; a recipe that was read before keeps what it was then.

    Raises:
        UsageError: the folder or its Dockerfile is not there.
    """
    build = container.build
    if build is None or build.sha256:
        return build
    build = build.model_copy(update={"context": str((folder / Path(build.context).expanduser()).resolve())})
    if not build.path.is_file():
        raise UsageError(f"container.build: {build.path}: no such file", "name the folder and its Dockerfile")
    try:
        return build.model_copy(update={"sha256": inputs_sha256(build, container.platform)})
    except OSError as error:
        raise UsageError(f"container.build: {error.filename}: cannot be read: {error.strerror}") from error


def of_gguf(path: Path) -> Recipe:
    """The recipe for any GGUF file: the embedded engine, the model's own chat template.

    Raises:
        UsageError: there is no such file, or it is not a GGUF.
    """
    if not path.is_file():
        raise UsageError(f"{path}: no such file", "name a GGUF file, a recipe or a URL")
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    if magic != b"GGUF":
        raise UsageError(f"{path}: not a GGUF file: its first four bytes are not GGUF", "fetch it again whole")
    return Recipe(name=slug(path.stem), engine="llama-embedded", weights=Weights(path=str(path.resolve())))


def of_url(url: str, model: str | None = None, api_key_env: str = "", random_weights: bool = False) -> Recipe:
    """The recipe for a server that runs already.

    Raises:
        UsageError: that is no name of an environment variable.
    """
    name = slug(model or url.partition("://")[2].removesuffix("/").removesuffix("/v1"))
    data: dict[str, Any] = {
        "name": name,
        "engine": "attached",
        "url": url,
        "model": model,
        "api_key_env": api_key_env,
    }
    if random_weights:
        data["random_weights"] = True
    return parse(data, where=url, folder=None)


def _reason(error: UsageError, path: Path) -> str:
    """What is wrong with a file, without its place."""
    return error.message.removeprefix(str(path))


def _template(name: str, where: str, folder: Path | None) -> str:
    if folder is not None and (folder / name).is_file():
        try:
            return input_text(folder / name)
        except UsageError as error:
            raise UsageError(
                f"{where}: serve.chat_template: {name}{_reason(error, folder / name)}", error.next_step
            ) from error
    shipped = resources.files("onbox.recipes") / "templates" / name
    if "/" not in name and shipped.is_file():
        return shipped.read_text("utf-8")
    raise UsageError(f"{where}: serve.chat_template: {name}: no such file")
