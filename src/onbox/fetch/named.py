"""What a recipe's arguments name beside the weights, brought here: draft models, adapters, tokenizers, templates."""

import time
from pathlib import Path

from onbox.evidence.records import WeightsFile
from onbox.fetch import folder_weights
from onbox.fetch.growth import folder_bytes
from onbox.fetch.hub_repository import fetch_repository
from onbox.fetch.pinned import OnProgress, download_bytes, fetch, where_weights
from onbox.recipes.named_files import DRAFT, IN_MEMORY, TOKENIZER, NamedFile, named_files
from onbox.schema.recipe import Recipe, dummy_weights

HEAVY = ("*.safetensors", "*.gguf", "*.bin", "*.pt", "*.pth")
"""What a repository has beside its tokenizer."""


def fetch_with_named(
    recipe: Recipe, on_progress: OnProgress = lambda done, total, source: None, *, full_check: bool | None = None
) -> tuple[Path, WeightsFile]:
    """The weights of a recipe, and after them what its arguments name.

    Args:
        recipe: with weights.
        on_progress, full_check: as of `fetch`.

    Returns:
        The path of the weights, and their record, which holds the others' too.

    Raises:
        UsageError, BoxError, FetchError: as `fetch`.
    """
    assert recipe.weights is not None
    shapes = _shapes_alone(recipe)
    if shapes is not None:
        began_s = time.monotonic()
        path, record = shapes, _timed(folder_weights.record(shapes, on_progress, full_check), began_s)
    else:
        path, record = fetch(recipe.weights, on_progress, full_check=full_check)
    others = [_bring(each, on_progress, full_check) for each in others_of(recipe)]
    return path, record.model_copy(update={"further": tuple(others)})


def _shapes_alone(recipe: Recipe) -> Path | None:
    """A folder with a model's configuration and none of its weights, where the engine is told to make weights up."""
    path = Path(recipe.weights.path) if recipe.weights is not None and recipe.weights.path is not None else None
    if path is None or not dummy_weights(recipe.serve.arguments) or not (path / "config.json").is_file():
        return None
    return None if any(path.glob("*.safetensors")) or any(path.glob("*.gguf")) else path


def others_of(recipe: Recipe) -> tuple[NamedFile, ...]:
    """What the arguments name and is not the recipe's own model, each with where it comes from."""
    return tuple(each for each in named_files(recipe) if each.weights is not None and not each.is_model)


def named_download_bytes(recipe: Recipe) -> int:
    """Bytes of them that would come over the network, as far as the recipe tells."""
    return sum(download_bytes(each.weights) for each in others_of(recipe))


def named_memory(recipe: Recipe) -> tuple[int | None, str]:
    """(bytes, what they are) that the engine holds of them beside the model; None where one is not here yet."""
    held = [each for each in others_of(recipe) if each.role in IN_MEMORY]
    if not held:
        return 0, ""
    sizes = [_bytes_here(each) for each in held]
    names = ", ".join(f"{each.role} {each.name}" for each in held)
    return (None if None in sizes else sum(size or 0 for size in sizes)), names


def _bytes_here(each: NamedFile) -> int | None:
    assert each.weights is not None
    path, here = where_weights(each.weights)
    if not here:
        return each.weights.repository.bytes or None if each.weights.repository else None
    return folder_bytes(path) if path.is_dir() else path.stat().st_size


def _bring(each: NamedFile, on_progress: OnProgress, full_check: bool | None) -> WeightsFile:
    assert each.weights is not None
    began_s = time.monotonic()
    if each.weights.path is not None and each.role != DRAFT:
        return _timed(folder_weights.record(Path(each.weights.path), on_progress, full_check), began_s)
    if each.weights.repository is not None and each.role == TOKENIZER:
        folder, _ = where_weights(each.weights)
        folder.mkdir(parents=True, exist_ok=True)
        source = each.weights.repository.source
        fetch_repository(source, folder, exclude=HEAVY, tell=lambda line: None, full_check=full_check)
        record = folder_weights.record(folder, on_progress, full_check).model_copy(update={"source": "hub"})
        return _timed(record, began_s)
    return fetch(each.weights, on_progress, full_check=full_check)[1]


def _timed(record: WeightsFile, began_s: float) -> WeightsFile:
    """The record with the time since `began_s` of the monotonic clock."""
    return record.model_copy(update={"seconds": round(time.monotonic() - began_s, 3)})
