"""`onbox image`: images fetched without the daemon, built for this chip, sealed, and read without being run."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from onbox.cli.manual import ManualGroup
from onbox.cli.options import json_option
from onbox.cli.ui.console import confirm, err, out, print_json, tell
from onbox.schema.units import byte_rate, seconds, size

if TYPE_CHECKING:
    from onbox.app.types import Assessment, Diagnosis, ImageProgress, VerifiedImage

PROGRAM = click.option(
    "--with",
    "program",
    type=click.Choice(["docker", "podman"]),
    default=None,
    help="By default the first that answers.",
)
CHIP = click.option("--chip", default="", metavar="N.N", help="Compute capability; by default that of this box's GPU.")


@click.group(
    "image",
    cls=ManualGroup,
    no_args_is_help=True,
    examples=(
        ("onbox image diagnose --no-measure", "which route docker's pulls really take"),
        ("onbox image fetch ghcr.io/org/server:1.2", "fetch an image without the daemon"),
        ("onbox image verify libggml-cuda.so --chip 12.1", "which chips its binaries are for; nothing is run"),
    ),
)
def command() -> None:
    """Images: fetch them without the daemon, build them for this chip, read what their binaries are for."""


@command.command(
    "diagnose",
    examples=(
        ("onbox image diagnose --no-measure", "settings only; nothing is sent"),
        ("onbox image diagnose ghcr.io/org/server:1.2", "how fast each route delivers the first megabytes"),
    ),
)
@click.argument("reference", metavar="[REF]", required=False)
@click.option("--no-measure", is_flag=True, help="Look at settings only; send nothing.")
@PROGRAM
@json_option
def diagnose(reference: str | None, no_measure: bool, program: str | None, as_json: bool) -> None:
    """Which route the daemon's pulls really take, and, with REF, how fast each route delivers the first megabytes.

    Nothing is changed. It reads docker info, daemon.json, the systemd units, the daemon's environment, the client's
    configuration, this shell, and the ports of Tor.
    """
    from onbox.app.images import diagnose_images

    found = diagnose_images(reference, program=program or "", measure=not no_measure)
    if as_json:
        print_json(found.as_dict())
    else:
        _show_diagnosis(found)


@command.command(
    "fetch",
    examples=(
        (
            "onbox image fetch ghcr.io/org/server:1.2",
            "resumable, with every blob checked against its digest",
        ),
        (
            "onbox image fetch ghcr.io/org/server:1.2 --direct --no-load",
            "bypassing every proxy, and into the cache only",
        ),
    ),
    ends={1: "an image or a layer is broken, or does not match its digest"},
)
@click.argument("reference", metavar="REF")
@click.option("--direct", is_flag=True, help="Bypass every proxy; a note says who sees this box's address then.")
@click.option("--proxy", default="", metavar="URL", help="Use this proxy; `daemon` for the daemon's own.")
@click.option("--platform", default="", metavar="OS/ARCH", help="By default this box's own.")
@click.option("--mirror", "mirrors", multiple=True, metavar="URL", help="A registry to try first; may be repeated.")
@click.option("--insecure", is_flag=True, help="Allow plain HTTP if the registry has no TLS.")
@click.option("--keep", is_flag=True, help="Keep the blobs in the cache when the image is loaded.")
@click.option("--no-load", is_flag=True, help="Fetch the blobs into the cache without any daemon.")
@PROGRAM
@json_option
def fetch(
    reference: str,
    direct: bool,
    proxy: str,
    platform: str,
    mirrors: tuple[str, ...],
    insecure: bool,
    keep: bool,
    no_load: bool,
    program: str | None,
    as_json: bool,
) -> None:
    """Fetch REF without the daemon, resumable, with every blob checked against its digest, and load it.

    A deliberate proxy of the daemon is bypassed only after a question, or with --direct.
    """
    from onbox.app.images import fetch_container_image

    view = _ProgressLines()
    fetched = fetch_container_image(
        reference, program=program or "", load=not no_load, direct=direct, proxy=proxy, platform=platform,
        mirrors=mirrors, insecure=insecure, keep=keep, ask=confirm if sys.stdin.isatty() else None, tell=tell,
        on_progress=view.show,
    )  # fmt: skip
    if as_json:
        print_json(fetched.model_dump(mode="json"))
        return
    where = f"{fetched.local_name} in {fetched.loaded_into}" if fetched.loaded_into else "in the cache"
    resumed = f", {fetched.reconnects} connections made anew" if fetched.reconnects else ""
    out().line(fetched.digest)
    out().line(
        f"{where}: {size(fetched.size_bytes)} for {fetched.platform}, {size(fetched.bytes_received)} received from "
        f"{fetched.registry} ({fetched.route}){resumed}, {seconds(fetched.seconds)}"
    )


@command.command(
    "verify",
    examples=(
        (
            "onbox image verify ghcr.io/org/server:1.2-cuda",
            "which chips it is built for, and whether it runs here",
        ),
        ("onbox image verify libggml-cuda.so --chip 12.1", "a file, for a chip that is not in this box"),
    ),
    ends={1: "an image or a layer is broken, or does not match its digest"},
)
@click.argument("subject", metavar="IMAGE or FILE")
@CHIP
@click.option(
    "--instructions", is_flag=True, help="Look for FP4 instructions too, by CUDA's cuobjdump; may take minutes."
)
@PROGRAM
@json_option
def verify(subject: str, chip: str, instructions: bool, program: str | None, as_json: bool) -> None:
    """Which GPU architectures the binaries of an image or file contain, and what that means on this chip.

    Read from ELF files and fat binaries; no container is made and nothing is run.
    """
    from onbox.app.images import verify_container_image

    with err().status(f"reading {subject}") as change:
        found = verify_container_image(
            subject, chip=chip, instructions=instructions, program=program or "",
            on_file=lambda path: change(f"reading {path}"),
        )  # fmt: skip
    if as_json:
        print_json(found.as_dict())
    else:
        _show_verified(found)


@command.command(
    "build",
    examples=(
        ("onbox image build recipe.yaml", "for this box's GPU, once for the same inputs"),
        ("onbox image build recipes/mine.yaml --chip 12.1", "a recipe with container.build, for a named chip"),
    ),
    ends={1: "an image or a layer is broken, or does not match its digest"},
)
@click.argument("recipe", metavar="RECIPE")
@CHIP
@click.option("--direct", is_flag=True, help="Bypass every proxy for what has to be fetched.")
@click.option("--proxy", default="", metavar="URL", help="Use this proxy; `daemon` for the daemon's own.")
@click.option(
    "--patience", type=click.FloatRange(1), metavar="S", help="Seconds without progress that count as a hang."
)
@PROGRAM
@json_option
def build(
    recipe: str, chip: str, direct: bool, proxy: str, patience: float | None, program: str | None, as_json: bool
) -> None:
    """Build RECIPE's image once for the same inputs, and seal it: a recipe with container.build, a file, or a name.

    The builds that come with onbox are in docs/images.md. Base images are fetched first, without the daemon.
    """
    from onbox.app.image_builds import build_container_image

    view = _ProgressLines()
    built = build_container_image(
        recipe, program=program or "", chip=chip, direct=direct, proxy=proxy, patience_s=patience,
        ask=confirm if sys.stdin.isatty() else None, tell=tell, on_progress=view.show,
        on_assessment=view.show_assessment,
    )  # fmt: skip
    seal = built.seal
    if as_json:
        print_json({
            "sealed": seal.sealed, "reference": seal.reference, "arch": list(seal.arch), "seconds": built.seconds,
            "image_id": seal.image_id, "digest": seal.digest or None, "built": not built.found,
            "changed": list(built.changed), "inputs": seal.inputs, "jobs": seal.jobs,
            "statement": str(built.statement) if built.statement else None,
        })  # fmt: skip
        return
    screen = out()
    how = "was here, nothing built" if built.found else f"built in {seconds(seal.seconds)}"
    screen.line(seal.reference)
    screen.line(f"sealed as {seal.sealed}: {how}; {seconds(built.seconds)} in all")
    if seal.arch:
        screen.line(f"built for: {', '.join(seal.arch)}")


@command.command(
    "list",
    examples=(
        ("onbox image list", "what was built or fetched here, and what can be removed"),
        ("onbox image list --json", "the same as JSON"),
    ),
)
@json_option
def list_(as_json: bool) -> None:
    """Images that were built or fetched here: size, architectures, age, recipes that use them, what can be removed."""
    from dataclasses import asdict

    from onbox.app.image_builds import list_container_images

    found = list_container_images()
    if as_json:
        print_json({"images": [asdict(each) for each in found]})
        return
    rows = [
        (each.name, each.kind, size(each.size_bytes), ", ".join(each.arch), each.made_at[:10],
         {True: "yes", False: "no", None: "unknown"}[each.here], ", ".join(each.used_by), each.removable)
        for each in found
    ]  # fmt: skip
    if rows:
        out().table(rows, ("image", "kind", "size", "built for", "made", "here", "used by", "can go"), right=(2,))
    else:
        out().line("none yet: onbox image fetch REF, onbox image build RECIPE")


@command.command(
    "export",
    examples=(
        ("onbox image export ghcr.io/org/server:1.2 server.tar", "for another box"),
        ("onbox image export ghcr.io/org/server:1.2 server.tar --json", "with its digest, as JSON"),
    ),
    ends={1: "an image or a layer is broken, or does not match its digest"},
)
@click.argument("name", metavar="IMAGE")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@json_option
def export(name: str, path: Path, as_json: bool) -> None:
    """Write a sealed IMAGE with its statement into FILE, a tar for another box."""
    from onbox.app.image_builds import export_container_image

    with err().status(f"saving {name}"):
        seal = export_container_image(name, path)
    if as_json:
        print_json({"path": str(path), "digest": seal.digest, "sealed": seal.sealed, "arch": list(seal.arch)})
        return
    out().line(seal.digest)
    out().line(f"{path}: {size(path.stat().st_size)}; on the other box: onbox image import {path.name}")


@command.command(
    "import",
    examples=(
        ("onbox image import llama.tar", "what another box exported"),
        ("onbox image import llama.tar --with podman", "into podman"),
    ),
    ends={1: "an image or a layer is broken, or does not match its digest"},
)
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@PROGRAM
@json_option
def import_(path: Path, program: str | None, as_json: bool) -> None:
    """Load a file that `onbox image export` wrote; every blob is checked against its digest first."""
    from onbox.app.image_builds import import_container_image

    with err().status(f"loading {path}") as change:
        seal = import_container_image(path, program=program or "", on_loading=lambda each: change(each.evidence))
    if as_json:
        print_json({"digest": seal.digest, "sealed": seal.sealed, "reference": seal.reference, "arch": list(seal.arch)})
        return
    out().line(seal.reference)
    out().line(f"{seal.digest} in {seal.program}; built for: {', '.join(seal.arch) or 'no GPU'}")


class _ProgressLines:
    """Lines on stderr: one where a phase begins, and one every few seconds."""

    EVERY_S = 5.0

    def __init__(self) -> None:
        self._phase = ""
        self._next_s = 0.0

    def _is_time(self, phase: str) -> bool:
        import time

        now = time.monotonic()
        if phase == self._phase and now < self._next_s:
            return False
        self._phase, self._next_s = phase, now + self.EVERY_S
        return True

    def show_assessment(self, look: "Assessment") -> None:
        """Print what a build does, if it is time."""
        if self._is_time("build"):
            eta_s = look.evidence.get("eta_s")
            left = f", {seconds(eta_s)} left" if isinstance(eta_s, (int, float)) else ""
            err().line((f"build, {look.state.value}: {look.why}{left}", "dim"))

    def show(self, progress: "ImageProgress") -> None:
        """Print it, if it is time."""
        if not self._is_time(progress.phase):
            return
        words = [progress.phase]
        if progress.bytes_total and progress.phase != "unpack":
            words.append(f"{size(progress.bytes_done)} of {size(progress.bytes_total)}")
        if progress.bytes_s:
            words.append(byte_rate(progress.bytes_s))
        if progress.eta_s is not None:
            words.append(f"{seconds(progress.eta_s)} left")
        if progress.note:
            words.append(progress.note)
        err().line((", ".join(words), "dim"))


def _show_diagnosis(found: "Diagnosis") -> None:
    route, screen = found.route, out()
    path_taken = f"through {route.kind}: {found.as_dict()['proxy']['https']}" if route.proxy else "direct"
    screen.line(f"pulls of {route.program} go {path_taken}")
    rows = [
        (each.where, each.variable, each.value, "decides" if each.decides else "does not", each.note)
        for each in route.settings
    ]
    if rows:
        screen.table(rows, ("where", "variable", "value", "pulls", ""))
    for port, name in route.listening.items():
        screen.line(f"port {port}: {name} answers")
    if route.other_tools:
        screen.line(f"other tools: {', '.join(f'{tool} {way}' for tool, way in route.other_tools.items())}")
    for each in found.measured:
        if each.bytes_s is None:
            screen.line(f"{each.route}: {each.problem or 'nothing came'}")
        else:
            screen.line(
                f"{each.route}: {byte_rate(each.bytes_s)} over {size(each.bytes)}; the whole image "
                f"{seconds(each.whole_image_s)}"
            )
    screen.line(f"onbox would: {found.would}", wrap=True)
    if found.privacy:
        screen.line(f"privacy: {found.privacy}", wrap=True)


_MEANS = {
    "native": "every module has code for it",
    "jit": "it runs; some modules are compiled from PTX at the first load",
    "will_not_run": "no module has code for it, nor PTX",
    "mixed": "some modules have code for it and some do not",
    "unknown": "not everything in it could be read, or this box has no GPU: name one with --chip",
    "no_gpu_code": "no GPU code in it",
    "wrong_machine": "its programs are for another type of processor",
}


def _fp4_words(found: "VerifiedImage") -> str:
    fp4, chip = found.fp4, f" for {found.as_dict()['chip']}" if found.chip is not None else ""
    if fp4.native:
        names = ", ".join(f"{count} {name}" for name, count in sorted(fp4.instructions.items()))
        return f"FP4: {fp4.kernels} of {fp4.kernels_read} kernels{chip} multiply it natively ({names}; {fp4.by})"
    if fp4.native is None:
        return f"FP4: unknown: {fp4.why} ({fp4.by})"
    return f"FP4: none of {fp4.kernels_read} kernels{chip} multiplies it natively ({fp4.by})"


def _show_verified(found: "VerifiedImage") -> None:
    screen = out()
    details = found.as_dict()
    chip = f" on {details['chip']}" if details["chip"] else ""
    screen.line(f"{found.verdict}{chip}: {_MEANS[found.verdict]}")
    if details["arch"]:
        screen.line(f"built for: {', '.join(details['arch'])}")
    if found.fp4.by:
        screen.line(_fp4_words(found))
    if found.platform:
        screen.line(f"image for {found.platform}; {found.files_read} programs and libraries read")
    rows = [
        (each["path"], each["verdict"] if details["chip"] else "", ", ".join(each["arch"]) or "?", str(each["modules"]),
         "; ".join(each["unknown"]))
        for each in details["files"]
    ]  # fmt: skip
    if rows:
        screen.table(rows, ("file", "verdict", "built for", "modules", "not read"), right=(3,))
