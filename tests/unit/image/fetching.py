"""What the tests of the fetch share."""

from onbox.fetch.http import DIRECT
from onbox.image.fetch import FetchOptions, fetch_image
from onbox.image.reference import parse
from onbox.image.store import FetchedImage, ImageStore
from tests.doubles.registry import FakeRegistry, digest_of

OPTIONS = FetchOptions(route=DIRECT, stall_s=1.0, keep=True)


def bring(
    registry: FakeRegistry, store: ImageStore, name: str = "some/thing:1", options: FetchOptions = OPTIONS
) -> FetchedImage:
    return fetch_image(parse(f"{registry.host}/{name}"), None, options, store)


def whole(store: ImageStore, fetched: FetchedImage) -> bool:
    return all(digest_of(store.blob(each).read_bytes()) == each for each in (*fetched.layers, fetched.config_digest))
