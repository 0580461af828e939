"""The seal of a built image: what it follows from, what it holds, and an in-toto statement of both beside it.

Statement: in-toto v1 with SLSA provenance v1 (slsa.dev/spec/v1.0/provenance). It is not signed.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from onbox.atomic_files import write_json
from onbox.image.store import ImageStore
from onbox.schema.recipe.name import slug

STATEMENT = "https://in-toto.io/Statement/v1"
PROVENANCE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "urn:onbox:image-build:v1"
LABEL_INPUTS, LABEL_RECIPE = "onbox.inputs", "onbox.recipe"
LABEL_INPUT = "onbox.input."
TAG_CHARS = 12


class Seal(BaseModel):
    """One image that was built here, or came sealed from another box."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    recipe: str
    """Name of what it was built by."""
    reference: str
    """By which recipes know it."""
    sealed: str
    """By which its inputs are named."""
    inputs: dict[str, str]
    """All that it follows from."""
    inputs_sha256: str
    image_id: str
    """Of its configuration, which names every layer."""
    digest: str = ""
    """Of the manifest of its archive; empty until it was exported or imported."""
    arch: tuple[str, ...] = ()
    """GPU architectures of its binaries, as they were read."""
    platform: str = ""
    size_bytes: int = 0
    program: str = ""
    """`docker` or `podman`: where it is."""
    built_at: str = ""
    seconds: float = 0.0
    jobs: int | None = None
    peak_bytes: int | None = None
    """Memory of the whole build, at most."""
    builder: str = ""
    blobs: tuple[str, ...] = ()
    """Of an archive of it that is kept here."""


def inputs_hash(inputs: Mapping[str, str]) -> str:
    """One hash of all inputs."""
    return hashlib.sha256(json.dumps(dict(sorted(inputs.items()))).encode()).hexdigest()


def sealed_name(image: str, inputs: Mapping[str, str]) -> str:
    """The name of an image by its content: the same inputs give the same name on every box."""
    return f"{image}:sealed-{inputs_hash(inputs)[:TAG_CHARS]}"


def differences(before: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    """What changed between two builds of one recipe, in words."""
    found = []
    for name in sorted(before.keys() | now.keys()):
        old, new = before.get(name), now.get(name)
        if old != new:
            found.append(f"{name}: {_short(old)} -> {_short(new)}")
    return tuple(found)


def labels(recipe: str, inputs: Mapping[str, str]) -> dict[str, str]:
    """What an image carries of its own seal."""
    return {
        LABEL_RECIPE: recipe,
        LABEL_INPUTS: inputs_hash(inputs),
        **{f"{LABEL_INPUT}{slug(name).lower()}": value for name, value in inputs.items()},
    }


class Seals:
    """The seals of a store."""

    def __init__(self, store: ImageStore) -> None:
        self._folder = store.root / "sealed"

    def all(self) -> tuple[Seal, ...]:
        """The newest first; one that cannot be read is left out."""
        found = []
        for path in self._folder.glob("*.json"):
            if path.name.endswith(".intoto.json"):
                continue
            try:
                found.append(Seal.model_validate_json(path.read_bytes()))
            except (OSError, ValidationError):
                continue
        return tuple(sorted(found, key=lambda each: each.built_at, reverse=True))

    def of_inputs(self, inputs: Mapping[str, str], program: str) -> Seal | None:
        """The seal of exactly these inputs."""
        wanted = inputs_hash(inputs)
        return next((each for each in self.all() if (each.inputs_sha256, each.program) == (wanted, program)), None)

    def last_of(self, recipe: str) -> Seal | None:
        """The newest of a recipe, whatever it was built from."""
        return next((each for each in self.all() if each.recipe == recipe), None)

    def write(self, seal: Seal, statement: Mapping[str, Any]) -> Path:
        """Keep a seal and its statement; where the statement lies."""
        stem = f"{slug(seal.sealed)}-{seal.program or 'archive'}"
        write_json(self._folder / f"{stem}.json", seal)
        path = self._folder / f"{stem}.intoto.json"
        write_json(path, dict(statement))
        return path

    def statement_of(self, seal: Seal) -> dict[str, Any]:
        """The statement that lies beside a seal; one written anew from it where that is gone."""
        path = self._folder / f"{slug(seal.sealed)}-{seal.program or 'archive'}.intoto.json"
        try:
            statement = json.loads(path.read_bytes())
        except (OSError, ValueError):
            return statement_of(seal)
        return statement if isinstance(statement, dict) else statement_of(seal)

    def forget(self, seal: Seal) -> None:
        """Remove a seal and its statement."""
        stem = f"{slug(seal.sealed)}-{seal.program or 'archive'}"
        for name in (f"{stem}.json", f"{stem}.intoto.json"):
            (self._folder / name).unlink(missing_ok=True)


def statement_of(seal: Seal, log_sha256: str = "") -> dict[str, Any]:
    """What is known of a build, in the form that other tools read."""
    materials = []
    for name, value in sorted(seal.inputs.items()):
        kind, _, what = name.partition(" ")
        if kind in ("base", "frontend"):
            materials.append({"uri": f"docker://{what}", "digest": {"sha256": value.removeprefix("sha256:")}})
        elif kind == "source":
            url, _, commit = value.rpartition("@")
            materials.append({"uri": f"git+{url}", "digest": {"gitCommit": commit}})
    subject = {"name": seal.reference, "digest": {"sha256": seal.image_id.removeprefix("sha256:")}}
    return {
        "_type": STATEMENT,
        "subject": [subject],
        "predicateType": PROVENANCE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {"recipe": seal.recipe, "inputs": seal.inputs},
                "internalParameters": {"jobs": seal.jobs, "inputs_sha256": seal.inputs_sha256},
                "resolvedDependencies": materials,
            },
            "runDetails": {
                "builder": {"id": f"urn:onbox:builder:{seal.program}", "version": {seal.program: seal.builder}},
                "metadata": {"invocationId": seal.inputs_sha256, "finishedOn": seal.built_at},
                "byproducts": [
                    {"name": "gpu-architectures", "annotations": {"arch": list(seal.arch), "platform": seal.platform}},
                    *([{"name": "build.log", "digest": {"sha256": log_sha256}}] if log_sha256 else []),
                ],
            },
        },
    }


def _short(value: str | None) -> str:
    if value is None:
        return "none"
    return f"{value[:19]}..." if len(value) > 44 else value or "empty"
