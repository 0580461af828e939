"""A sealed image as a file for another box, and back: the same bytes, held against the digest that names them."""

import hashlib
import io
import json
import posixpath
import tarfile
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, cast

from pydantic import ValidationError

from onbox.errors import BadSubjectError, BoxError
from onbox.fetch.disk_space import need_room
from onbox.image.archive import ArchivedImage, write_archive
from onbox.image.daemon import Daemon, id_of
from onbox.image.load import LoadProgress, archive_file, load
from onbox.image.manifest import GZIP_LAYERS, PLAIN_LAYERS, Descriptor
from onbox.image.registry_client import OCI_MANIFEST
from onbox.image.seal import LABEL_INPUTS, Seal, Seals, inputs_hash
from onbox.image.store import ImageStore
from onbox.untrusted_json import parse

SEAL_NAME, STATEMENT_NAME = "onbox/seal.json", "onbox/provenance.intoto.json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
SMALL_BYTES = 16 << 20
BLOCK_BYTES = 1 << 20


def export_image(daemon: Daemon, seal: Seal, path: Path, store: ImageStore) -> Seal:
    """Write a sealed image and its statement into one tar; the seal with the digest that names its content.

    Raises:
        BoxError: the image is gone, the disk is full, or the daemon cannot save it.
    """
    if daemon.image(seal.image_id) is None:
        raise BoxError(f"{seal.reference}: {daemon.program} no longer has it", f"onbox image build {seal.recipe}")
    need_room(path.absolute().parent, 2 * seal.size_bytes)
    seals = Seals(store)
    statement = seals.statement_of(seal)
    with tempfile.TemporaryDirectory(prefix=".export-", dir=path.absolute().parent) as scratch:
        blobs = Path(scratch)
        config, layers = _saved(daemon, seal, blobs)
        manifest = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": _as_json(config),
            "layers": [_as_json(each) for each in layers],
        }
        raw = json.dumps(manifest, separators=(",", ":"), sort_keys=True).encode()
        sealed = seal.model_copy(update={"digest": f"sha256:{hashlib.sha256(raw).hexdigest()}"})
        partial = path.with_name(f".{path.name}.part")
        try:
            with partial.open("wb") as out:
                write_archive(
                    ArchivedImage(raw, OCI_MANIFEST, config, tuple(layers), (seal.reference, seal.sealed)),
                    cast("IO[bytes]", out),
                    lambda digest: blobs / digest.removeprefix("sha256:"),
                    more={
                        SEAL_NAME: sealed.model_dump_json(indent=1).encode(),
                        STATEMENT_NAME: json.dumps(statement, indent=1).encode(),
                    },
                )  # fmt: skip
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    seals.write(sealed, statement)
    return sealed


def import_image(
    daemon: Daemon, path: Path, store: ImageStore, on_progress: Callable[[LoadProgress], None] = lambda loading: None
) -> Seal:
    """Load what `export_image` wrote; every blob is held against its digest before the daemon gets a byte.

    Raises:
        BadSubjectError: it is not such a file, it was changed, or its seal does not name its content.
        BoxError: the daemon cannot load it.
    """
    daemon.need()
    seal, statement = check_archive(path)
    loaded = load(daemon, archive_file(path), seal.reference, (seal.image_id, seal.digest), on_progress)
    label = loaded.labels.get(LABEL_INPUTS)
    if label != seal.inputs_sha256:
        raise BadSubjectError(
            f"{path}: the image has the inputs {label or 'of nobody'}, but its seal names {seal.inputs_sha256[:12]}",
            "do not use it",
        )
    here = seal.model_copy(update={"program": daemon.program, "image_id": id_of(loaded)})
    Seals(store).write(here, statement)
    return here


def check_archive(path: Path) -> tuple[Seal, dict[str, Any]]:
    """(seal, statement) of an exported image whose content is what its names say.

    Raises:
        BadSubjectError: it is not.
    """
    small: dict[str, bytes] = {}
    digests: set[str] = set()
    try:
        with tarfile.open(path, mode="r:") as archive:
            for member in archive:
                name = posixpath.normpath(member.name)
                file = archive.extractfile(member) if member.isreg() else None
                if file is None:
                    continue
                if name.startswith("blobs/sha256/"):
                    digest = hashlib.sha256()
                    kept = io.BytesIO()
                    while block := file.read(BLOCK_BYTES):
                        digest.update(block)
                        if member.size <= SMALL_BYTES:
                            kept.write(block)
                    if digest.hexdigest() != name.rpartition("/")[2]:
                        raise BadSubjectError(f"{path}: {name[:32]} does not match its digest", "export it again")
                    digests.add(f"sha256:{digest.hexdigest()}")
                    small[name] = kept.getvalue()
                elif member.size <= SMALL_BYTES:
                    small[name] = file.read()
        seal = Seal.model_validate_json(small[SEAL_NAME])
        statement = parse(small[STATEMENT_NAME])
        manifest = parse(small[f"blobs/{seal.digest.replace(':', '/')}"])
        named = [manifest["config"]["digest"], *(each["digest"] for each in manifest["layers"])]
        listed = parse(small["manifest.json"])[0]
        loads = [f"sha256:{posixpath.basename(each)}" for each in (listed["Config"], *listed["Layers"])]
        config = parse(small[f"blobs/{named[0].replace(':', '/')}"])
        label = ((config.get("config") or {}).get("Labels") or {}).get(LABEL_INPUTS)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise BadSubjectError(
            f"{path}: cannot be read: {error}", "name a file that onbox image export wrote"
        ) from error
    except (KeyError, IndexError, ValueError, TypeError, AttributeError, ValidationError) as error:
        hint = "name a file that onbox image export wrote"
        raise BadSubjectError(f"{path}: not a sealed image: {type(error).__name__}", hint) from error
    if not set(named) <= digests or loads != named or named[0] != seal.image_id:
        raise BadSubjectError(f"{path}: its seal names another image than the file contains", "do not use it")
    if inputs_hash(seal.inputs) != seal.inputs_sha256 or label != seal.inputs_sha256:
        raise BadSubjectError(f"{path}: its seal names other inputs than the image has", "do not use it")
    return seal, statement


def _saved(daemon: Daemon, seal: Seal, blobs: Path) -> tuple[Descriptor, list[Descriptor]]:
    """(configuration, layers) of what the daemon saves, each written below its digest."""
    found: dict[str, tuple[str, int]] = {}
    texts: dict[str, bytes] = {}
    links: dict[str, str] = {}
    with (
        daemon.saved(seal.image_id) as stream,
        suppress(tarfile.TarError),
        tarfile.open(fileobj=stream, mode="r|", bufsize=1 << 18) as archive,
    ):
        for member in archive:
            name = posixpath.normpath(member.name)
            if member.issym() or member.islnk():
                base = posixpath.dirname(name) if member.issym() else ""
                links[name] = posixpath.normpath(posixpath.join(base, member.linkname))
                continue
            file = archive.extractfile(member) if member.isreg() else None
            if file is not None:
                found[name] = _keep(file, blobs)
                if member.size <= SMALL_BYTES:
                    texts[name] = (blobs / found[name][0]).read_bytes()
    if "manifest.json" not in texts:
        raise BoxError(f"{daemon.program} save {seal.reference}: it saved no image")
    listed = parse(texts["manifest.json"])[0]
    config_hex, config_size = found[posixpath.normpath(listed["Config"])]
    config = Descriptor(CONFIG_TYPE, f"sha256:{config_hex}", config_size)
    layers = []
    for each in listed["Layers"]:
        name = posixpath.normpath(each)
        digest, size = found[links.get(name, name)]
        with (blobs / digest).open("rb") as layer:
            packed = layer.read(2) == b"\x1f\x8b"
        layers.append(Descriptor((GZIP_LAYERS if packed else PLAIN_LAYERS)[0], f"sha256:{digest}", size))
    return config, layers


def _keep(file: IO[bytes], blobs: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    scratch = blobs / "incoming"
    with scratch.open("wb") as out:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
            out.write(block)
            size += len(block)
    scratch.replace(blobs / digest.hexdigest())
    return digest.hexdigest(), size


def _as_json(each: Descriptor) -> dict[str, Any]:
    return {"mediaType": each.media_type, "digest": each.digest, "size": each.size_bytes}
