"""From a registry to an image that is loaded, without the daemon's own route: resolve, transfer, load, note."""

import queue
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO

from onbox.atomic_files import utc_now
from onbox.errors import BoxError, FetchError
from onbox.fetch.disk_space import need_room
from onbox.fetch.http import ENVIRONMENT, STALL_S, Client, Route, host_of, proxy_label
from onbox.fetch.meter import Meter
from onbox.fetch.transfer import WORKERS, Blob, Tally, watched_all
from onbox.image.archive import ArchivedImage, write_archive
from onbox.image.credentials import login_for
from onbox.image.daemon import ZSTD_SINCE, Daemon, id_of
from onbox.image.load import Load, LoadProgress
from onbox.image.manifest import Descriptor, ImageManifest, Platform, find_image, this_platform
from onbox.image.reference import Reference
from onbox.image.registry_client import Registry, authorities_of
from onbox.image.store import FetchedImage, ImageStore
from onbox.launch.containers import ImageInfo

CLASSIC_COPIES = 2
"""Of an image that the classic store of docker needs beside ours while it loads: its copy of the archive, and the
unpacked layers, which are larger than the packed ones by an amount that nobody tells before."""


@dataclass(frozen=True)
class ImageProgress:
    """Where a fetch stands, for people."""

    phase: str
    """`resolve`, `fetch`, `load` or `unpack`."""
    bytes_done: int = 0
    bytes_total: int = 0
    bytes_s: float = 0.0
    eta_s: float | None = None
    note: str = ""


@dataclass(frozen=True)
class FetchOptions:
    """How an image is fetched.

    Args:
        route: how requests leave this box.
        platform: None is this box's own.
        mirrors: URLs or hosts that are asked before the registry itself.
        insecure: plain HTTP is taken where TLS is not spoken.
        keep: the blobs stay in the cache when the image is loaded.
        stall_s: seconds without a byte after which a connection is made anew.
        workers: layers at a time.
    """

    route: Route = ENVIRONMENT
    platform: Platform | None = None
    mirrors: tuple[str, ...] = ()
    insecure: bool = False
    keep: bool = False
    stall_s: float = STALL_S
    workers: int = WORKERS


@dataclass
class ImageSource:
    """A registry, or a mirror of it, that serves the image."""

    registry: Registry
    image: ImageManifest
    client: Client = field(repr=False)


OnProgress = Callable[[ImageProgress], None]


def fetch_image(
    reference: Reference,
    daemon: Daemon | None,
    options: FetchOptions,
    store: ImageStore,
    on_progress: OnProgress = lambda progress: None,
) -> FetchedImage:
    """Bring an image here, and load it.

    Args:
        reference: what to bring.
        daemon: what loads it; None keeps the blobs only.
        store: where blobs and notes go.
        on_progress: told when a phase begins and twice a second.

    Raises:
        FetchError: the registry refused, or what came is not what was published.
        BoxError: not for this platform, no room, or the daemon cannot load it.
    """
    began = time.monotonic()
    if daemon is not None:
        daemon.need()
    on_progress(ImageProgress("resolve", note=str(reference)))
    source = find_source(reference, options)
    image = source.image
    try:
        present = _already_loaded(daemon, reference, image)
        store.put(image.manifest.raw)
        store.put(image.config_raw)
        tally = Tally()
        before = arrived = time.monotonic()
        if present is None:
            _refuse_what_cannot_load(daemon, reference, image)
            _need_room(daemon, image, store)
            with _loading(daemon, reference, image, store) as (arrivals, loading):
                tally = _transfer(
                    source, store, options, on_progress, arrivals, durable=loading is None or options.keep
                )
                arrived = time.monotonic()
                if loading is not None:
                    present = _complete(loading, reference, image, on_progress)
            if daemon is not None and not options.keep:
                store.drop(tuple(each.digest for each in image.layers))
    finally:
        source.client.close()
    fetched = FetchedImage(
        reference=str(reference),
        digest=image.manifest.digest,
        index_digest=image.index_digest,
        config_digest=image.config.digest,
        platform=str(image.platform),
        size_bytes=image.size_bytes,
        layers=tuple(each.digest for each in image.layers),
        registry=source.registry.host,
        route=proxy_label(options.route.proxy_for(f"https://{source.registry.host}/")) or "direct",
        seconds=round(time.monotonic() - began, 3),
        fetch_s=round(arrived - before, 3),
        load_s=round(time.monotonic() - arrived, 3),
        bytes_received=tally.bytes_received,
        reconnects=tally.reconnects,
        fetched_at=utc_now(),
        loaded_into=daemon.program if daemon else "",
        local_name=reference.local_name if daemon else "",
        image_id=id_of(present) if present else "",
    )
    store.note(fetched)
    return fetched


def find_source(reference: Reference, options: FetchOptions) -> ImageSource:
    """The first of the mirrors and the registry itself that serves the image; no layer is fetched.

    Raises:
        FetchError: none does; each is quoted.
        BoxError: the image is not for this platform.
    """
    wanted = options.platform or this_platform()
    troubles: list[str] = []
    for mirror in (*options.mirrors, ""):
        host = host_of(mirror if "://" in mirror else f"https://{mirror}") if mirror else reference.api_host
        client = Client(options.route, options.stall_s, options.workers * 2, authorities={host: authorities_of(host)})
        # A login belongs to the registry that it was made for; a mirror has its own, if any.
        login = login_for(host if mirror else reference.host)
        try:
            registry = Registry(reference, client, login, mirror=mirror, insecure=options.insecure)
            return ImageSource(registry, find_image(registry, wanted), client)
        except FetchError as error:
            client.close()
            if not mirror:
                if troubles:
                    raise FetchError(f"{error.message}; mirrors: {'; '.join(troubles)}", error.next_step) from error
                raise
            troubles.append(error.message)
        except BaseException:
            client.close()
            raise
    raise AssertionError("unreachable")


class Arrivals:
    """The blobs of an image in the order in which they come, for one that takes them while others are under way."""

    def __init__(self, image: ImageManifest) -> None:
        self._awaited = {each.digest: each for each in image.blobs}
        self._here: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def put(self, digest: str) -> None:
        """A blob is here whole."""
        self._here.put(digest)

    def end(self) -> None:
        """Nothing comes any more."""
        self._here.put(None)

    def __iter__(self) -> Iterator[Descriptor]:
        """Each blob when it is here.

        Raises:
            FetchError: the transfer ended, and some are missing.
        """
        awaited = dict(self._awaited)
        while awaited:
            digest = self._here.get()
            if digest is None:
                raise FetchError(f"{len(awaited)} blobs did not arrive", "run it again: it resumes")
            if digest in awaited:
                yield awaited.pop(digest)


def feed_of(
    image: ImageManifest, store: ImageStore, names: tuple[str, ...], arrivals: Arrivals | None = None
) -> Callable[..., int]:
    """What writes an image's archive out of the store, with arrivals as its blobs come."""

    archived = ArchivedImage(image.manifest.raw, image.manifest.media_type, image.config, image.layers, names)

    def feed(out: IO[bytes], on_bytes: Callable[[int], None]) -> int:
        return write_archive(archived, out, store.blob, arrivals=arrivals, on_bytes=on_bytes)

    return feed


def _already_loaded(daemon: Daemon | None, reference: Reference, image: ImageManifest) -> ImageInfo | None:
    """The image as the daemon has it, under its name; None where it is not there."""
    if daemon is None:
        return None
    for image_id in (image.config.digest, image.manifest.digest):
        if found := daemon.image(image_id):
            named = daemon.image(reference.local_name)
            if named is None or named.id != found.id:
                daemon.ask("tag", found.id, reference.local_name)
            return daemon.image(reference.local_name)
    return None


def _refuse_what_cannot_load(daemon: Daemon | None, reference: Reference, image: ImageManifest) -> None:
    if daemon is not None and "zstd" in image.packed_by and not daemon.unpacks_zstd:
        raise BoxError(
            f"{reference}: its layers are packed by zstd, which docker {daemon.version} cannot unpack",
            f"docker {ZSTD_SINCE} or later, or podman, can",
        )


def _need_room(daemon: Daemon | None, image: ImageManifest, store: ImageStore) -> None:
    """Before the first byte: ours, and what the daemon needs beside it."""
    missing = sum(each.size_bytes - _bytes_here(store.blob(each.digest)) for each in image.blobs)
    need_room(store.root, missing)
    where = daemon.folder if daemon else None
    if daemon is None or where is None:
        return
    copies = 1 if daemon.keeps_manifests else CLASSIC_COPIES
    wanted = copies * image.size_bytes
    if where.stat().st_dev == _existing(store.root).stat().st_dev:
        wanted += missing
    try:
        need_room(where, wanted)
    except BoxError as error:
        raise BoxError(
            f"{error.message}: while it loads, {daemon.program} holds {copies} times the image beside the copy that is "
            "fetched",
            "free some space there; `onbox image list` shows what can be removed",
        ) from error


@contextmanager
def _loading(
    daemon: Daemon | None, reference: Reference, image: ImageManifest, store: ImageStore
) -> Iterator[tuple[Arrivals, Load | None]]:
    """The daemon takes in what is here while the rest is under way: its own copy then costs no time of its own."""
    arrivals = Arrivals(image)
    arrivals.put(image.config.digest)
    if daemon is None:
        yield arrivals, None
        return
    with Load(daemon, feed_of(image, store, (reference.local_name,), arrivals)) as loading:
        try:
            yield arrivals, loading
        finally:
            arrivals.end()


def _transfer(
    source: ImageSource,
    store: ImageStore,
    options: FetchOptions,
    on_progress: OnProgress,
    arrivals: Arrivals,
    *,
    durable: bool,
) -> Tally:
    image, meter = source.image, Meter()
    blobs = [
        Blob(
            name=f"{source.registry.reference}: layer {each.hex[:12]}",
            target=store.blob(each.digest),
            open=partial(source.registry.open_blob, each.digest),
            size_bytes=each.size_bytes,
            sha256=each.hex,
            durable=durable,
        )
        for each in image.blobs
        if each.digest != image.config.digest
    ]
    total = sum(each.size_bytes or 0 for each in blobs)

    def look(tally: Tally) -> None:
        rate, eta_s = meter.take(tally.bytes_here, total)
        note = f"{tally.reconnects} connections made anew" if tally.reconnects else ""
        on_progress(ImageProgress("fetch", tally.bytes_here, total, rate, eta_s, note))

    return watched_all(blobs, look, workers=options.workers, on_blob=lambda blob: arrivals.put(f"sha256:{blob.sha256}"))


def _complete(loading: Load, reference: Reference, image: ImageManifest, on_progress: OnProgress) -> ImageInfo:
    meter, total = Meter(), image.size_bytes

    def look(now: LoadProgress) -> None:
        rate, eta_s = meter.take(now.bytes_sent, total)
        if now.unpacking:
            on_progress(ImageProgress("unpack", total, total, note=now.evidence))
        else:
            on_progress(ImageProgress("load", now.bytes_sent, total, rate, eta_s, now.evidence))

    return loading.complete(reference.local_name, (image.config.digest, image.manifest.digest), look)


def _bytes_here(path: Path) -> int:
    for each in (path, path.with_name(f"{path.name}.part")):
        if each.exists():
            return each.stat().st_size
    return 0


def _existing(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path
