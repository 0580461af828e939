"""Which manifest of an image is for a platform, and the blobs that it is made of."""

from dataclasses import dataclass
from typing import Any

from onbox.errors import BoxError, FetchError, UsageError
from onbox.image.registry_client import INDEXES, Manifest, Registry
from onbox.machine_names import machine
from onbox.untrusted_json import parse

CONFIG_BYTES_MAX = 16 << 20
DEFAULT_VARIANTS = {"arm64": "v8", "arm": "v7"}
"""A platform that tells no variant means this one."""
GZIP_LAYERS = ("application/vnd.oci.image.layer.v1.tar+gzip", "application/vnd.docker.image.rootfs.diff.tar.gzip")
PLAIN_LAYERS = ("application/vnd.oci.image.layer.v1.tar", "application/vnd.docker.image.rootfs.diff.tar")
ZSTD_LAYER = "application/vnd.oci.image.layer.v1.tar+zstd"
LAYERS = (*GZIP_LAYERS, *PLAIN_LAYERS, ZSTD_LAYER)


@dataclass(frozen=True)
class Platform:
    """What a binary runs on, as images name it."""

    os: str
    architecture: str
    variant: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)

    def serves(self, wanted: "Platform") -> bool:
        """Whether an image of this platform is one for `wanted`."""
        if (self.os, self.architecture) != (wanted.os, wanted.architecture):
            return False
        default = DEFAULT_VARIANTS.get(self.architecture, "")
        return (self.variant or default) == (wanted.variant or default)


@dataclass(frozen=True)
class Descriptor:
    """A blob as a manifest names it."""

    media_type: str
    digest: str
    size_bytes: int

    @property
    def hex(self) -> str:
        """The digest without its algorithm."""
        return self.digest.removeprefix("sha256:")


@dataclass(frozen=True)
class ImageManifest:
    """One image for one platform."""

    manifest: Manifest
    config: Descriptor
    config_raw: bytes
    layers: tuple[Descriptor, ...]
    platform: Platform
    index_digest: str = ""
    """Of the list that it was chosen from; empty where the name led to it straight."""

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """All that has to be fetched beside the manifest, each digest once."""
        return tuple({each.digest: each for each in (self.config, *self.layers)}.values())

    @property
    def size_bytes(self) -> int:
        """Of all blobs, as they travel."""
        return sum(each.size_bytes for each in self.blobs)

    @property
    def packed_by(self) -> frozenset[str]:
        """How its layers are packed: gzip, zstd, plain."""
        words = {**dict.fromkeys(GZIP_LAYERS, "gzip"), **dict.fromkeys(PLAIN_LAYERS, "plain"), ZSTD_LAYER: "zstd"}
        return frozenset(words[each.media_type] for each in self.layers)


def this_platform() -> Platform:
    """Of this box."""
    return Platform("linux", machine())


def parse_platform(text: str) -> Platform:
    """Read `linux/arm64` or `linux/arm/v7`.

    Raises:
        UsageError: it is neither.
    """
    parts = text.split("/")
    if len(parts) not in (2, 3) or parts[0] != "linux" or not all(part.isalnum() for part in parts):
        raise UsageError(f"platform {text}: not a platform", "write linux/arm64 or linux/amd64")
    return Platform(parts[0], parts[1], parts[2] if len(parts) == 3 else "")


def find_image(registry: Registry, wanted: Platform) -> ImageManifest:
    """The manifest for a platform, its configuration read and held against it; no layer is fetched.

    Raises:
        BoxError: there is none for this platform: what there is instead is named.
        FetchError: as the registry, or what came is no image.
    """
    name = str(registry.reference)
    found = registry.manifest(registry.reference.wanted)
    index_digest = ""
    for _ in range(2):
        if found.media_type not in INDEXES:
            break
        index_digest = index_digest or found.digest
        found = registry.manifest(_chosen(found, wanted, name))
    if found.media_type in INDEXES:
        raise FetchError(f"{name}: a list of lists of lists is not an image")
    try:
        config, layers = (
            _descriptor(found.data["config"], name),
            [_descriptor(each, name) for each in found.data["layers"]],
        )
    except (KeyError, TypeError) as error:
        raise FetchError(f"{name}: its manifest names no configuration or no layers") from error
    for each in layers:
        if each.media_type not in LAYERS:
            raise BoxError(f"{name}: a layer of the kind {each.media_type[:80]} is not a layer that can be loaded")
    if config.size_bytes > CONFIG_BYTES_MAX:
        raise FetchError(f"{name}: its configuration is {config.size_bytes:,} bytes long")
    raw = registry.blob(config.digest, CONFIG_BYTES_MAX)
    platform = platform_of(raw, name)
    if not platform.serves(wanted):
        raise wrong_platform(name, platform, wanted)
    return ImageManifest(found, config, raw, tuple(layers), platform, index_digest)


def platform_of(config_raw: bytes, name: str) -> Platform:
    """The platform that an image's configuration tells.

    Raises:
        FetchError: it is no configuration.
    """
    try:
        config = parse(config_raw)
        return Platform(str(config["os"]), str(config["architecture"]), str(config.get("variant") or ""))
    except (ValueError, KeyError, TypeError) as error:
        raise FetchError(f"{name}: its configuration states no platform") from error


def wrong_platform(name: str, found: Platform, wanted: Platform) -> BoxError:
    """The one line for an image that does not run here."""
    return BoxError(
        f"{name}: is for {found}, and not for {wanted}",
        "use an image for this box, or name the other platform with --platform",
    )


def _chosen(index: Manifest, wanted: Platform, name: str) -> str:
    """The digest of the entry for a platform."""
    there: list[Platform] = []
    listed = index.data.get("manifests")
    for entry in listed if isinstance(listed, list) else []:
        fields = entry.get("platform") if isinstance(entry, dict) else None
        if not isinstance(fields, dict) or fields.get("os") == "unknown":
            continue  # an attestation
        each = Platform(str(fields.get("os")), str(fields.get("architecture")), str(fields.get("variant") or ""))
        if each.serves(wanted):
            return _descriptor(entry, name).digest
        there.append(each)
    others = ", ".join(sorted(map(str, there))) or "no platform at all"
    raise BoxError(f"{name}: not for {wanted}: it is for {others}", "use an image for this box, or name a --platform")


def _descriptor(fields: Any, name: str) -> Descriptor:
    try:
        each = Descriptor(str(fields["mediaType"]), str(fields["digest"]), int(fields["size"]))
    except (KeyError, TypeError, ValueError) as error:
        raise FetchError(f"{name}: its manifest has a descriptor without media type, digest or size") from error
    digits = each.hex
    if len(digits) != 64 or set(digits) - set("0123456789abcdef") or each.size_bytes < 0:
        raise FetchError(f"{name}: its manifest names a blob by {each.digest[:80]!r}, which is no sha256")
    return each
