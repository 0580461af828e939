"""Images that are built here: once for the same inputs, sealed, listed, and carried to another box."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from onbox import recipes
from onbox.app.images import Ask, box_chip, fetch_container_image
from onbox.box.gpu_arch import chip_number
from onbox.errors import BoxError, UsageError
from onbox.image.build import BuildRequest, BuildResult, build_image
from onbox.image.daemon import Daemon, find_daemon
from onbox.image.exchange import export_image, import_image
from onbox.image.fetch import ImageProgress
from onbox.image.load import LoadProgress
from onbox.image.seal import Seal, Seals
from onbox.image.store import ImageStore
from onbox.launch.containers import PROGRAMS, running_containers
from onbox.recipes.dockerfile import SourceImage
from onbox.recipes.image_builds import load_image_build
from onbox.recipes.yaml_text import read_yaml
from onbox.watch.classify import Assessment


@dataclass(frozen=True)
class ListedImage:
    """A sealed or fetched image, and who uses it."""

    name: str
    kind: str
    """`sealed` or `fetched`."""
    size_bytes: int
    arch: tuple[str, ...]
    made_at: str
    here: bool | None
    """Whether docker or podman still has it; None where that one does not answer."""
    used_by: tuple[str, ...]
    """Recipes that name it."""
    removable: str
    """Why it can go; empty for one that is in use."""


def build_container_image(
    recipe: str,
    *,
    program: str = "",
    chip: str = "",
    direct: bool = False,
    proxy: str = "",
    patience_s: float | None = None,
    ask: Ask | None = None,
    tell: Callable[[str], None] = lambda text: None,
    on_progress: Callable[[ImageProgress], None] = lambda progress: None,
    on_assessment: Callable[[Assessment], None] = lambda look: None,
    store: ImageStore | None = None,
) -> BuildResult:
    """Find the sealed image of a recipe's build, or build, read and seal it.

    What the Dockerfile needs is brought here first: its images and its frontend beside the daemon, its sources by git.

    Args:
        recipe: a recipe with `container.build`, a file of one build, or the name of one that comes along.
        program: `docker` or `podman`; empty takes the recipe's launcher, else the first that answers.
        chip: compute capability to build for; empty is this box's GPU.
        direct, proxy, ask: as `fetch_container_image`, for what has to be fetched.
        patience_s: how long it may go without progress.
        tell: called with what is done.
        on_progress: told of fetches.
        on_look: told of every look at the build.

    Raises:
        UsageError: no such recipe, it builds nothing, or its Dockerfile is none.
        BoxError: something it needs cannot be had, or a step failed.
        EngineError: it hung, and was ended.
    """
    number = chip_number(chip) if chip else box_chip()
    wanted, launcher = _wanted(recipe, number)
    daemon = find_daemon(program or launcher)
    store = store or ImageStore()

    def fetch_one(needed: SourceImage) -> None:
        tell(f"line {needed.line}: {needed.kind} {needed.name}: not here, fetched beside {daemon.program}")
        fetched = fetch_container_image(
            needed.name, program=daemon.program, direct=direct, proxy=proxy, ask=ask, tell=tell,
            platform=needed.platform or wanted.platform, on_progress=on_progress, store=store,
        )  # fmt: skip
        if daemon.image(needed.name) is None:
            # A name with a digest: the classic store keeps none, so the build is told of the tag.
            raise BoxError(
                f"line {needed.line}: {needed.kind} {needed.name}: {daemon.program} keeps no digests of what is loaded",
                f"write {fetched.local_name} there, or name a tag beside the digest",
            )

    return build_image(
        daemon, wanted, store, fetch_one, chip=number, patience_s=patience_s, tell=tell, on_assessment=on_assessment
    )


def list_container_images(*, store: ImageStore | None = None) -> tuple[ListedImage, ...]:
    """Images that were sealed or fetched here, with the recipes that come along or are up and use them."""
    store = store or ImageStore()
    using = _recipes_by_image()
    answering = {name: daemon for name in PROGRAMS if (daemon := Daemon(name)).answers()}
    listed = []
    for seal in Seals(store).all():
        here = _is_here(answering.get(seal.program), seal.image_id)
        used = using.get(seal.reference, ())
        why = (
            "no longer in the daemon: only its seal is left" if here is False else "" if used else "no recipe names it"
        )
        listed.append(ListedImage(seal.reference, "sealed", seal.size_bytes, seal.arch, seal.built_at, here, used, why))
    for each in store.fetched():
        here = _is_here(answering.get(each.loaded_into), each.local_name)
        used = using.get(each.local_name, ()) or using.get(each.reference, ())
        why = "" if used else "no recipe names it"
        listed.append(ListedImage(each.reference, "fetched", each.size_bytes, (), each.fetched_at, here, used, why))
    return tuple(listed)


def export_container_image(name: str, path: Path, *, store: ImageStore | None = None) -> Seal:
    """Write a sealed image with its statement into one file.

    Raises:
        UsageError: no such seal.
        BoxError: the daemon has the image no more, or there is no room.
    """
    store = store or ImageStore()
    wanted = {name, f"{name}:latest"}
    for seal in Seals(store).all():
        if wanted & {seal.reference, seal.sealed, seal.recipe, seal.image_id, seal.digest}:
            return export_image(find_daemon(seal.program), seal, path, store)
    raise UsageError(f"{name}: no sealed image of that name", "onbox image list")


def import_container_image(
    path: Path,
    *,
    program: str = "",
    on_loading: Callable[[LoadProgress], None] = lambda loading: None,
    store: ImageStore | None = None,
) -> Seal:
    """Load what `export_container_image` wrote on another box, held against its digests.

    Raises:
        BadSubjectError: it was changed, or is no such file.
        BoxError: there is no docker and no podman, or it cannot load it.
    """
    if not path.is_file():
        raise UsageError(f"{path}: no such file", "name a file that onbox image export wrote")
    return import_image(find_daemon(program), path, store or ImageStore(), on_loading)


def _is_here(daemon: Daemon | None, name: str) -> bool | None:
    return daemon.image(name) is not None if daemon else None


def _wanted(recipe: str, chip: int | None) -> tuple[BuildRequest, str]:
    """(what to build, the recipe's launcher)."""
    if recipe in recipes.builtin_names() or _is_recipe(Path(recipe)):
        found = recipes.find(recipe)
        container = found.container
        if container is None or container.build is None:
            raise UsageError(f"{recipe}: container.build: it builds no image", "onbox image fetch REF fetches one")
        build = container.build
        return BuildRequest(found.name, container.image, container.reference, build, container.platform), found.launcher
    image = load_image_build(recipe, chip)
    reference = f"{image.image}:{image.build.sha256[:12]}"
    return BuildRequest(image.name, image.image, reference, image.build, "", image.chip), ""


def _is_recipe(path: Path) -> bool:
    """Whether a file is a recipe that serves, and not one that builds an image alone."""
    if path.suffix not in (".yaml", ".yml"):
        return False
    try:
        content = read_yaml(path)
    except UsageError:
        return True
    return not (isinstance(content, dict) and "build" in content and "engine" not in content)


def _recipes_by_image() -> dict[str, tuple[str, ...]]:
    """Image -> the recipes that come along, or are up, and name it."""
    found: dict[str, tuple[str, ...]] = {}
    for name in recipes.builtin_names():
        container = recipes.find(name).container
        if container is not None:
            found[container.reference] = (*found.get(container.reference, ()), name)
    for running in running_containers():
        found[running.image] = (*found.get(running.image, ()), f"{running.name} (it runs)")
    return found
