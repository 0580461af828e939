"""Where a model's vision tower lies: in its own tensors, or in a projector (mmproj) beside a GGUF file."""

import re
from dataclasses import dataclass
from pathlib import Path

from onbox.errors import OnboxError
from onbox.weights.gguf_header import GgufFile, read_gguf
from onbox.weights.parts import Part, part_of
from onbox.weights.read import read
from onbox.weights.reader import LocalReader

_NAME = re.compile(r"mmproj|clip|projector", re.IGNORECASE)
SIBLINGS_MAX = 16
"""Files of one folder that are opened."""


@dataclass(frozen=True)
class TowerFacts:
    """What headers tell of a vision tower.

    Args:
        present: None where they do not tell.
        where: in words: where it is, or why that is not known.
        projector: a file beside the weights that is one and fits them; empty: there is none.
    """

    present: bool | None
    where: str
    projector: str = ""


def find_tower(path: Path) -> TowerFacts:
    """Look into the files of a model; nothing is raised, what cannot be read is not known."""
    try:
        return _of_gguf(path) if path.suffix == ".gguf" else _of_folder(path)
    except OnboxError as error:
        return TowerFacts(None, error.message)


def is_projector(path: Path) -> bool:
    """Whether a file is a projector for pictures."""
    try:
        return _sees(read_gguf(LocalReader(path)))
    except OnboxError:
        return False


def _of_folder(path: Path) -> TowerFacts:
    facts = read(path)
    if facts.format == "gguf":
        return _of_gguf(path / facts.files[0])
    tower = facts.vision_tower
    if tower.in_tensors:
        return TowerFacts(
            True, f"a vision tower of {tower.parameters:,} parameters is among the tensors of {path.name}"
        )
    if tower.in_config:
        return TowerFacts(None, "the configuration speaks of a vision tower, and no tensor is known to be one")
    return TowerFacts(False, f"no vision tower is among the tensors of {path.name}, nor in its configuration")


def _of_gguf(path: Path) -> TowerFacts:
    model = read_gguf(LocalReader(path))
    if _sees(model):
        return TowerFacts(None, f"{path.name} is a projector, and no language model")
    if any(part_of(tensor.name) is Part.VISION for tensor in model.tensors):
        return TowerFacts(True, f"a vision tower is among the tensors of {path.name}")
    width = model.metadata.get(f"{model.metadata.get('general.architecture')}.embedding_length")
    unfit = ""
    for other in _siblings(path):
        try:
            found = read_gguf(LocalReader(other))
        except OnboxError:
            continue
        if not _sees(found):
            continue
        given = found.metadata.get("clip.vision.projection_dim")
        if given == width or given is None or width is None:
            return TowerFacts(True, f"the projector {other.name} lies beside {path.name}", str(other))
        unfit = f"; the projector {other.name} beside it has width {given}, and the model {width}"
    return TowerFacts(False, f"no vision tower is in {path.name}, and no projector (mmproj) that fits beside it{unfit}")


def _siblings(path: Path) -> list[Path]:
    try:
        found = sorted(each for each in path.parent.iterdir() if each.suffix == ".gguf" and _NAME.search(each.name))
    except OSError:
        return []
    return [each for each in found if each != path][:SIBLINGS_MAX]


def _sees(file: GgufFile) -> bool:
    return bool(file.metadata.get("clip.has_vision_encoder"))
