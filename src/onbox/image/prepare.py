"""The image of a recipe, here before its engine starts: fetched beside the daemon, or built and sealed."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from onbox.errors import BoxError, UsageError
from onbox.fetch.http import ENVIRONMENT
from onbox.image.build import BuildRequest, build_image
from onbox.image.consent import Consent
from onbox.image.daemon import Daemon
from onbox.image.fetch import FetchOptions, ImageProgress, fetch_image
from onbox.image.manifest import parse_platform
from onbox.image.reference import parse
from onbox.image.routes import bypassed_proxy, find_route, privacy
from onbox.image.seal import Seals
from onbox.image.store import ImageStore
from onbox.recipes import Recipe
from onbox.recipes.dockerfile import SourceImage
from onbox.schema.recipe.container import Container
from onbox.schema.units import seconds

FETCH, BUILD = "fetch", "build"
OnPhase = Callable[[str, float | None], None]
"""Told (phase, None) when it begins, and (phase, seconds) when it is over."""


@dataclass(frozen=True)
class ExpectedImage:
    """What an image will cost before the engine starts."""

    phase: str
    """`fetch`, `build`, or empty where it is here."""
    seconds: float | None
    """None where nothing tells."""
    basis: str


def prepare(
    recipe: Recipe,
    on_phase: OnPhase = lambda phase, seconds: None,
    on_progress: Callable[[ImageProgress], None] = lambda progress: None,
    store: ImageStore | None = None,
) -> Recipe:
    """Bring a recipe's image here, and give back the recipe with the name by which the daemon knows it.

    Nothing happens for a recipe without a container, for an image that is here, for `pull: never`, and for
    `pull: daemon`, which leaves it to the daemon.

    Raises:
        UsageError: a deliberate proxy of the daemon would be gone around without the owner's word.
        BoxError, FetchError: it cannot be had or built.
        EngineError: its build hung.
    """
    container = recipe.container
    if container is None or container.pull == "daemon":
        return recipe
    daemon, store = Daemon(recipe.launcher), store or ImageStore()
    if not daemon.answers() or daemon.image(container.reference) is not None:
        return recipe
    if container.build is None:
        return _fetched(recipe, container, daemon, store, on_phase, on_progress)
    if container.pull == "never" and not container.build.sources:
        # Its bases have to be here, which the checks of the launch see to.
        return recipe
    began = time.monotonic()
    on_phase(BUILD, None)

    def fetch_one(needed: SourceImage) -> None:
        if container.pull == "never":
            hint = f"onbox image fetch {needed.name}, or container.pull: missing"
            raise BoxError(f"line {needed.line}: {needed.kind} {needed.name}: not here", hint)
        _bring(needed.name, needed.platform or container.platform, daemon, store, on_progress)

    wanted = BuildRequest(recipe.name, container.image, container.reference, container.build, container.platform)
    build_image(daemon, wanted, store, fetch_one)
    on_phase(BUILD, time.monotonic() - began)
    return recipe


def expected_image(recipe: Recipe, store: ImageStore | None = None) -> ExpectedImage:
    """What `prepare` will take, as far as an earlier fetch or build tells; no registry is asked."""
    container = recipe.container
    nothing = ExpectedImage("", 0.0, "")
    if container is None:
        return nothing
    daemon, store = Daemon(recipe.launcher), store or ImageStore()
    if not daemon.answers() or daemon.image(container.reference) is not None:
        return nothing
    if container.build is not None:
        last = Seals(store).last_of(recipe.name)
        if last is None:
            return ExpectedImage(BUILD, None, "its image is to be built, and no earlier build tells how long")
        return ExpectedImage(BUILD, last.seconds, f"its image is to be built, {seconds(last.seconds)} the last time")
    known = next((each for each in store.fetched() if container.image in (each.reference, each.local_name)), None)
    if known is None or container.pull == "never":
        return ExpectedImage(FETCH, None, "its image is to be fetched, and its size is not known before")
    return ExpectedImage(FETCH, known.seconds, f"its image is to be fetched, {seconds(known.seconds)} the last time")


def _fetched(
    recipe: Recipe,
    container: Container,
    daemon: Daemon,
    store: ImageStore,
    on_phase: OnPhase,
    on_progress: Callable[[ImageProgress], None],
) -> Recipe:
    """The recipe, its image here; by a digest it gets the tag that it was loaded by."""
    known = store.find(container.digest) if container.digest else None
    name = known.local_name if known else ""
    if not name or daemon.image(name) is None:
        if container.pull == "never":
            return recipe
        began = time.monotonic()
        on_phase(FETCH, None)
        name = _bring(container.reference, container.platform, daemon, store, on_progress)
        on_phase(FETCH, time.monotonic() - began)
    if not container.digest:
        return recipe
    # The classic store of docker forgets digests: what was held against it at the fetch goes by its tag from here on.
    return recipe.model_copy(update={"container": container.model_copy(update={"image": name, "digest": ""})})


def _bring(
    name: str, platform: str, daemon: Daemon, store: ImageStore, on_progress: Callable[[ImageProgress], None]
) -> str:
    """The local name of an image that was fetched."""
    reference = parse(name)
    proxy = bypassed_proxy(find_route(daemon), reference, ENVIRONMENT)
    if proxy and not Consent(store).given(proxy):
        raise UsageError(
            f"{reference}: {privacy(proxy, reference)}",
            f"onbox image fetch {reference} asks; container.pull: daemon pulls",
        )
    options = FetchOptions(platform=parse_platform(platform) if platform else None)
    return fetch_image(reference, daemon, options, store, on_progress).local_name
