"""Images: where the daemon's pulls go, an image brought here beside them, and what its binaries are for."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onbox.box.gpu_arch import chip_number
from onbox.errors import BoxError, UsageError
from onbox.fetch.http import DIRECT, ENVIRONMENT, Route, proxy_label
from onbox.image.compare import RouteTime, compare
from onbox.image.consent import Consent
from onbox.image.daemon import Daemon, find_daemon
from onbox.image.fetch import FetchOptions, ImageProgress, fetch_image
from onbox.image.instructions import find_disassembler
from onbox.image.manifest import parse_platform
from onbox.image.reference import Reference, parse
from onbox.image.routes import DaemonRoute, bypassed_proxy, find_route, privacy
from onbox.image.store import FetchedImage, ImageStore
from onbox.schema.units import number

if TYPE_CHECKING:
    from onbox.image.verify import VerifiedImage

OF_DAEMON = "daemon"
"""As a proxy: the one that the daemon goes through."""
Ask = Callable[[str], bool]
"""Puts a question to the owner; whether the answer was yes."""


@dataclass(frozen=True)
class Diagnosis:
    """Where pulls go and what would be done about it."""

    route: DaemonRoute
    reference: str
    measured: tuple[RouteTime, ...]
    bypassed: str
    """The proxy of the daemon that a fetch would go around; empty for none."""
    would: str
    """What `onbox image fetch` would do, in one sentence."""
    privacy: str

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "proxy": self.route.as_dict(),
            "image": self.reference or None,
            "routes": [asdict(each) for each in self.measured],
            "would": self.would,
            "privacy": self.privacy or None,
        }


def diagnose_images(image: str | None = None, *, program: str = "", measure: bool = True) -> Diagnosis:
    """Where the daemon's pulls really go, and how fast both routes are; nothing is changed and nothing kept.

    Args:
        image: whose first megabytes are fetched by both routes; None measures nothing.
        program: `docker` or `podman`; empty takes the first that answers.
        measure: False looks at settings only, and sends nothing.

    Raises:
        UsageError: the image's name is none.
        BoxError: there is neither docker nor podman.
    """
    found = find_route(find_daemon(program))
    if image is None:
        would = "name an image to have both routes measured: onbox image diagnose REF"
        return Diagnosis(found, "", (), "", would, "")
    reference = parse(image)
    proxy = bypassed_proxy(found, reference, ENVIRONMENT)
    measured: tuple[RouteTime, ...] = ()
    if measure:
        theirs = Route(proxy=found.proxy_for(reference), from_environment=False)
        ours = [ENVIRONMENT] if not proxy else [DIRECT]
        measured = compare(reference, [theirs, *ours] if proxy else ours, FetchOptions(stall_s=8.0))
    return Diagnosis(
        found, str(reference), measured, proxy, _would(proxy, measured), privacy(proxy, reference) if proxy else ""
    )


def fetch_container_image(
    image: str,
    *,
    program: str = "",
    load: bool = True,
    direct: bool = False,
    proxy: str = "",
    platform: str = "",
    mirrors: Sequence[str] = (),
    insecure: bool = False,
    keep: bool = False,
    ask: Ask | None = None,
    tell: Callable[[str], None] = lambda text: None,
    on_progress: Callable[[ImageProgress], None] = lambda progress: None,
    store: ImageStore | None = None,
) -> FetchedImage:
    """Bring an image here without the daemon's own route, and load it.

    Args:
        image: its name.
        program: `docker` or `podman`; empty takes the first that answers.
        load: False keeps its blobs here and asks no daemon.
        direct: go around every proxy; what that means for privacy is told.
        proxy: URL of a proxy to go through, or `daemon` for the daemon's own.
        platform: like `linux/arm64`; empty is this box's.
        mirrors: registries that are asked first.
        insecure: plain HTTP is taken where TLS is not spoken.
        keep: the blobs stay here when the image is loaded.
        ask: puts a question to the owner; None refuses what would need one.
        tell: called with remarks.
        on_progress: called as it goes on.

    Raises:
        UsageError: a name is none, or a deliberate proxy would be gone around without the owner's word.
        FetchError: the registry refused, or what came is not what was published.
        BoxError: not for this platform, no room, or the daemon cannot load it.
    """
    reference = parse(image)
    if direct and proxy:
        raise UsageError(
            "--direct and --proxy: only one of them can be used", "leave --proxy out to bypass every proxy"
        )
    daemon = find_daemon(program) if load else None
    store = store or ImageStore()
    options = FetchOptions(
        route=_route(daemon, reference, direct=direct, proxy=proxy, ask=ask, tell=tell, store=store),
        platform=parse_platform(platform) if platform else None,
        mirrors=tuple(mirrors),
        insecure=insecure,
        keep=keep or not load,
    )
    return fetch_image(reference, daemon, options, store, on_progress)


def verify_container_image(
    subject: str,
    *,
    program: str = "",
    chip: str = "",
    instructions: bool = False,
    on_file: Callable[[str], None] = lambda path: None,
) -> "VerifiedImage":
    """Which chips the binaries of a file, an image's archive or an image are for; nothing is run.

    Args:
        subject: a path, or an image that the daemon has.
        program: `docker` or `podman`; empty takes the first that answers.
        chip: compute capability to judge for, like `12.1`; empty is this box's GPU, if it has one.
        instructions: look for instructions that multiply FP4 too; minutes for large libraries.
        on_file: told the name of each file that is read.

    Raises:
        UsageError: no such file or image, or it is neither.
        BadSubjectError: it is broken.
        BoxError: there is neither docker nor podman, or it cannot save the image; or no disassembler.
    """
    from onbox.image.verify import InstructionListing, verify_archive, verify_file, verify_image

    number = chip_number(chip) if chip else box_chip()
    listing = None
    if instructions:
        by = find_disassembler()
        if by is None:
            raise BoxError(
                "--instructions: no cuobjdump and nvdisasm here",
                "the CUDA toolkit has them, or pip install nvidia-cuda-cuobjdump nvidia-cuda-nvdisasm, on PATH",
            )
        listing = InstructionListing(by, number)
    path = Path(subject)
    if path.is_file():
        if path.suffix in (".tar", ".oci"):
            with path.open("rb") as file:
                return verify_archive(file, subject, number, on_file, listing)
        return verify_file(path, number, listing)
    if "/" in subject and subject.startswith(("/", "./", "../")):
        raise UsageError(f"{subject}: no such file")
    return verify_image(find_daemon(program), str(parse(subject)), number, on_file, listing)


def box_chip() -> int | None:
    """The compute capability of this box's first GPU, like 121; None where there is none, or it does not tell."""
    from onbox import box

    capability = next((each.compute_capability for each in box.accelerators().devices if each.compute_capability), None)
    try:
        return chip_number(capability) if capability else None
    except UsageError:
        return None


def _would(proxy: str, measured: tuple[RouteTime, ...]) -> str:
    if not proxy:
        return "fetch without the daemon by the same route, resumable; the daemon uses no proxy of its own"
    rates = {each.route: each for each in measured}
    direct, theirs = rates.get("direct"), rates.get(proxy_label(proxy))
    if direct is not None and direct.bytes_s is None:
        return f"fetch through {proxy_label(proxy)} (--proxy daemon): the direct route does not serve: {direct.problem}"
    factor = ""
    if direct and theirs and direct.bytes_s and theirs.bytes_s:
        factor = f", {number(direct.bytes_s / theirs.bytes_s)} times as fast here"
    return f"ask before it bypasses {proxy_label(proxy)} (or --direct){factor}; --proxy daemon uses it"


def _route(
    daemon: Daemon | None,
    reference: Reference,
    *,
    direct: bool,
    proxy: str,
    ask: Ask | None,
    tell: Callable[[str], None],
    store: ImageStore,
) -> Route:
    """The route that was asked for; the daemon's deliberate proxy is gone around with the owner's word alone."""
    found = find_route(daemon) if daemon is not None else None
    if proxy == OF_DAEMON:
        through = found.proxy_for(reference) if found is not None else ""
        if not through:
            raise UsageError("--proxy daemon: the daemon uses no proxy for this image", "leave it out")
        return Route(proxy=through, from_environment=False)
    if proxy:
        return Route(proxy=proxy, from_environment=False)
    route = DIRECT if direct else ENVIRONMENT
    bypassed = bypassed_proxy(found, reference, route) if found is not None else ""
    if not bypassed:
        return route
    sentence = privacy(bypassed, reference)
    if direct:
        tell(f"note: {sentence}")
        return route
    consent = Consent(store)
    if consent.given(bypassed):
        return route
    if ask is None:
        raise UsageError(f"{reference}: {sentence}", "--direct bypasses it, --proxy daemon uses it")
    if not ask(f"{sentence}. Bypass it, now and from now on?"):
        raise UsageError(f"{reference}: not fetched around {proxy_label(bypassed)}", "--proxy daemon uses it")
    consent.give(bypassed)
    return route
