"""Which files of a place are the model: shards by their index, parts of a split GGUF, the tower beside it."""

import json
import re
from dataclasses import dataclass
from typing import Any

from onbox.errors import UsageError
from onbox.weights.weights_store import Store

INDEX = "model.safetensors.index.json"
JSON_BYTES_MAX = 64 << 20
_SHARD = re.compile(r"^(?P<stem>.*?)-?(?P<number>\d{5})-of-(?P<count>\d{5})\.(?P<kind>safetensors|gguf)$")
_TOWER = re.compile(r"mmproj|clip", re.IGNORECASE)


@dataclass(frozen=True)
class Layout:
    """The files that make up one model.

    Args:
        format: `safetensors` or `gguf`.
        files: of the language model, in order.
        tower: a GGUF file with the vision tower; None when there is none.
        weight_map: tensor name to file, where an index tells.
    """

    format: str
    files: tuple[str, ...]
    tower: str | None = None
    weight_map: dict[str, str] | None = None


def is_tower(name: str) -> bool:
    """Whether a GGUF file is named as one that turns images into tokens."""
    return bool(_TOWER.search(name))


def is_later_part(name: str) -> bool:
    """Whether a file is a part of a set, and not its first."""
    match = _SHARD.match(name)
    return match is not None and int(match["number"]) > 1


def find_model(store: Store, name: str | None = None) -> Layout:
    """Choose the model's files.

    Args:
        store: where they lie.
        name: one file of them, when the user named it.

    Raises:
        UsageError: none, several models to choose from, or one of a set is missing.
    """
    sizes = store.sizes()
    if name is not None:
        return _named(store, sizes, name)
    if INDEX in sizes:
        return _indexed(store, sizes)
    tensors = sorted(each for each in sizes if each.endswith(".safetensors"))
    if tensors:
        chosen = [each for each in tensors if each == "model.safetensors"] or tensors
        return Layout("safetensors", _set_of(store, sizes, chosen, "safetensors"))
    models = sorted(each for each in sizes if each.endswith(".gguf") and not _TOWER.search(each))
    if models:
        return Layout("gguf", _set_of(store, sizes, models, "gguf"), _tower(sizes))
    raise UsageError(
        f"{store.label}: holds no safetensors and no GGUF file",
        "name a folder with model.safetensors or one .gguf file",
    )


def read_json(store: Store, name: str) -> dict[str, Any]:
    """A JSON object of modest size.

    Raises:
        UsageError: too large, or no JSON object.
    """
    reader = store.reader(name)
    if reader.size_bytes > JSON_BYTES_MAX:
        raise UsageError(f"{reader.name}: {reader.size_bytes:,} bytes are too many for a JSON file")
    try:
        value = json.loads(reader.read(0, reader.size_bytes))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{reader.name}: not JSON: {str(error)[:120]}") from error
    if not isinstance(value, dict):
        raise UsageError(f"{reader.name}: no JSON object")
    return value


def _named(store: Store, sizes: dict[str, int], name: str) -> Layout:
    if name not in sizes:
        raise UsageError(f"{store.label}: no file {name}")
    kind = name.rpartition(".")[2]
    if kind not in ("safetensors", "gguf"):
        raise UsageError(f"{name}: neither .safetensors nor .gguf", "name a folder or a file of weights")
    match = _SHARD.match(name)
    shards = [name]
    if match:
        shards = [each for each in sizes if (other := _SHARD.match(each)) and other["stem"] == match["stem"]]
    return Layout(kind, _set_of(store, sizes, shards, kind), _tower(sizes) if kind == "gguf" else None)


def _tower(sizes: dict[str, int]) -> str | None:
    towers = sorted(each for each in sizes if each.endswith(".gguf") and _TOWER.search(each))
    return towers[0] if towers else None


def _indexed(store: Store, sizes: dict[str, int]) -> Layout:
    weight_map = read_json(store, INDEX).get("weight_map")
    if not isinstance(weight_map, dict) or not all(isinstance(each, str) for each in weight_map.values()):
        raise UsageError(f"{store.label}: {INDEX}: weight_map is not an object of file names")
    files = sorted(set(weight_map.values()))
    for each in files:
        if "/" in each or "\\" in each or each.startswith("."):
            raise UsageError(f"{store.label}: {INDEX}: weight_map names {each!r}, which is no plain file name")
        if each not in sizes:
            raise UsageError(f"{store.label}: {INDEX} names {each}, which is missing", "fetch the model again")
    return Layout("safetensors", tuple(files), weight_map=weight_map)


def _set_of(store: Store, sizes: dict[str, int], names: list[str], kind: str) -> tuple[str, ...]:
    """One file, or all the numbered parts of one set."""
    if len(names) == 1 and not _SHARD.match(names[0]):
        return (names[0],)
    matches = [match for name in names if (match := _SHARD.match(name))]
    stems = {(match["stem"], match["count"]) for match in matches}
    if len(matches) != len(names) or len(stems) != 1:
        raise UsageError(
            f"{store.label}: holds {len(names)} {kind} files of several models: {', '.join(names[:3])}, ...",
            "name one of them",
        )
    stem, count = stems.pop()
    numbers = {int(match["number"]) for match in matches}
    for number in range(1, int(count) + 1):
        if number not in numbers:
            dash = "-" if stem else ""
            raise UsageError(
                f"{store.label}: {stem}{dash}{number:05d}-of-{count}.{kind} is missing", "fetch the model again"
            )
    return tuple(sorted(names))
