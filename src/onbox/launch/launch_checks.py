"""Doubts about a launch, before anything starts: what was seen, why it matters, what to do.

`fail` means that the launch would fail, or harm what runs here; `warn` that it may.
"""

import shutil
from pathlib import Path

from onbox.box.gpus import Accelerator
from onbox.engines import all_facts, facts_of
from onbox.engines.base import LaunchSituation
from onbox.engines.known import known, unknown_version, versions_known
from onbox.engines.launch import Launch
from onbox.engines.variables import by_name, missing
from onbox.fetch.named import named_download_bytes
from onbox.fetch.pinned import download_bytes
from onbox.launch import image_match
from onbox.launch.budget import Budget
from onbox.launch.containers import ContainerClient, ImageInfo
from onbox.launch.containers.info import ARCH_LIST
from onbox.launch.image_build import trouble
from onbox.launch.ports import port_open, taken_by
from onbox.launch.running_engines import RunningEngine
from onbox.machine_names import machine
from onbox.recipes.named_files import named_files
from onbox.recipes.pins import unpinned
from onbox.recipes.sparkrun import files_of_mods, mods, nodes, notes
from onbox.schema.checks import Check, Status
from onbox.schema.recipe import Recipe
from onbox.schema.units import gib
from onbox.user_folders import cache_folder

SPARE_BYTES = 1 << 30


def launch_checks(
    recipe: Recipe, launch: Launch, found: Budget, running: tuple[RunningEngine, ...], port: int
) -> tuple[Check, ...]:
    """All rules that apply to this launch on this box, as it is now."""
    return (
        _port(port),
        _running(running),
        _memory(recipe, found),
        *_gpu_memory(recipe, found),
        *_of_the_engine(recipe, launch, found),
        *_page_cache(found),
        *_disk(recipe),
        *_image(recipe, found.devices),
        *_version(recipe, launch),
        *_options(recipe, launch),
        *_environment(recipe, launch),
        *_named_variables(recipe),
        *_named(recipe),
        *_tools(recipe),
        *_nodes(recipe),
        _pinned(recipe),
    )


def _port(port: int) -> Check:
    id_, evidence = "launch.port", "whether something listens there on 127.0.0.1"
    if port_open("127.0.0.1", port):
        return Check(
            id_, Status.FAIL, f"{port} is taken{taken_by(port)}", None, "", evidence, "free it, or another serve.port"
        )
    return Check(id_, Status.PASS, port, None, "", evidence)


def _running(running: tuple[RunningEngine, ...]) -> Check:
    id_ = "launch.resident"
    evidence = "other engines that run here: they hold memory and slow each other down"
    if not running:
        return Check(id_, Status.PASS, "none", None, "", evidence)
    names = [each.name for each in running if each.name]
    hints = [f"--replace {names[0]} stops it, and starts it again at the end, also after a crash"] if names else []
    if foreign := [str(each.pid) for each in running if each.kind == "process"]:
        hints.append(f"not started by onbox: {', '.join(foreign)}; stop them yourself")
    if any(each.kind == "onbox" and not each.name for each in running):
        hints.append("another onbox is running here: wait until it ends")
    hint = "; ".join(hints)
    return Check(id_, Status.WARN, "; ".join(map(str, running)), None, "", evidence, hint)


def _memory(recipe: Recipe, found: Budget) -> Check:
    id_ = "launch.memory"
    left = found.memory.available_bytes - (found.plan_bytes or 0)
    if found.short_bytes > 0:
        hint = f"{gib(found.short_bytes)} short: {_less_memory(recipe)}"
        return Check(id_, Status.FAIL, left, found.reserve_bytes, "bytes", found.as_text(), hint)
    if found.plan_bytes is None:
        return Check(id_, Status.UNKNOWN, None, found.reserve_bytes, "bytes", found.as_text())
    return Check(id_, Status.PASS, left, found.reserve_bytes, "bytes", found.as_text())


def _gpu_memory(recipe: Recipe, found: Budget) -> list[Check]:
    """Of GPUs with memory of their own: each holds its part, so the one with least to spare binds."""
    if not found.devices or found.unified:
        return []
    id_, evidence = "launch.gpu_memory", "what each GPU of the engine will hold, compared with its free memory"
    if found.gpus_unknown:
        return [Check(id_, Status.UNKNOWN, None, None, "", found.gpus_unknown)]
    if found.gpus_wanted is not None and found.gpus_wanted > len(found.gpus):
        hint = "lower the engine's own parallel sizes, or allow more with CUDA_VISIBLE_DEVICES"
        few = f"{len(found.gpus)} of {len(found.devices)} may be used"
        return [Check(id_, Status.FAIL, few, float(found.gpus_wanted), "GPUs", "GPUs that the options ask for", hint)]
    shares = "; ".join(
        f"GPU {each.index}: {'unknown' if each.plan_bytes is None else gib(each.plan_bytes)} ({each.why}),"
        f" {'unknown' if each.free_bytes is None else gib(each.free_bytes)} free"
        for each in found.gpus
    )
    if any(each.plan_bytes is None or each.free_bytes is None for each in found.gpus):
        return [Check(id_, Status.UNKNOWN, None, None, "", shares)]
    worst = max(found.gpus, key=lambda each: each.short_bytes)
    bad = worst.short_bytes > 0
    hint = f"{gib(worst.short_bytes)} short on GPU {worst.index}: {_less_memory(recipe)}" if bad else ""
    status = Status.FAIL if bad else Status.PASS
    return [Check(id_, status, worst.free_bytes, worst.plan_bytes, "bytes", f"{evidence}: {shares}", hint)]


def _less_memory(recipe: Recipe) -> str:
    """What to change, by the engine's own words."""
    return facts_of(recipe.engine).memory_advice.before


def _of_the_engine(recipe: Recipe, launch: Launch, found: Budget) -> tuple[Check, ...]:
    memory = found.memory
    situation = LaunchSituation(launch.version, memory.total_bytes, memory.available_bytes, found.unified)
    return facts_of(recipe.engine).launch_checks(recipe, situation)


def _page_cache(found: Budget) -> list[Check]:
    """On unified memory CUDA counts as free what is free to the last page, and not what the kernel could free."""
    free = found.memory.free_bytes
    if not found.unified or free is None or found.plan_bytes is None:
        return []
    bad = free < found.plan_bytes <= found.memory.available_bytes
    evidence = (
        f"MemFree, which is all that CUDA regards as free; the rest of {gib(found.memory.available_bytes)} is cache"
    )
    hint = "as root: sync; echo 3 > /proc/sys/vm/drop_caches" if bad else ""
    return [
        Check("launch.page_cache", Status.WARN if bad else Status.PASS, free, found.plan_bytes, "bytes", evidence, hint)
    ]


def _disk(recipe: Recipe) -> list[Check]:
    wanted = download_bytes(recipe.weights) + named_download_bytes(recipe)
    if not wanted:
        return []
    at: Path = cache_folder()
    while not at.exists():
        at = at.parent
    free = shutil.disk_usage(at).free
    bad = free < wanted + SPARE_BYTES
    evidence = f"free on the disk of {at}, where the weights will be fetched to"
    hint = "free some space, or point ONBOX_CACHE at another disk" if bad else ""
    return [
        Check("launch.disk", Status.FAIL if bad else Status.PASS, free, wanted + SPARE_BYTES, "bytes", evidence, hint)
    ]


def _image(recipe: Recipe, devices: tuple[Accelerator, ...]) -> list[Check]:
    container = recipe.container
    if container is None:
        return []
    program = recipe.launcher
    if not ContainerClient(program).answers():
        evidence = f"whether `{program} version` answers"
        return [Check("launch.daemon", Status.FAIL, "no answer", None, "", evidence, f"install and start {program}")]
    here = ContainerClient(program).image(container.reference)
    if here is None and container.build:
        why, hint = trouble(program, container)
        evidence = f"whether {container.reference} can be built from {container.build.context}"
        return [
            Check("launch.image", Status.FAIL if why else Status.PASS, why or "to be built", None, "", evidence, hint)
        ]
    if here is None:
        hint, digests = f"onbox image fetch {container.reference}, or container.pull: missing", "not here"
        if container.pull == "missing":
            hint, digests = "", "to be fetched without the daemon"
        elif container.pull == "daemon":
            hint, digests = "", "to be pulled by the daemon, by its own route"
        status = Status.FAIL if container.pull == "never" else Status.WARN
        return [Check("launch.image", status, digests, None, "", f"whether {container.reference} is here", hint)]
    found = [_architecture(here)]
    if container.digest:
        kept = container.digest in here.digests
        status = Status.PASS if kept else Status.UNKNOWN if not here.digests else Status.FAIL
        digests = ", ".join(here.digests) or "the daemon kept none"
        found.append(Check("launch.digest", status, digests, None, "", f"the recipe names {container.digest}"))
    chip = devices[0].compute_capability if devices else None
    if container.gpus and not devices:
        hint = "remove container.gpus to serve on the CPU"
        found.append(Check("launch.gpu", Status.FAIL, "none", None, "", "the container gets all GPUs", hint))
    if container.gpus and chip:
        found.append(_kernels(here, chip))
    return found


def _architecture(here: ImageInfo) -> Check:
    bad = here.architecture != machine()
    evidence = f"what the image was built for; this box is {machine()}"
    hint = "use an image for this box" if bad else ""
    return Check(
        "launch.architecture", Status.FAIL if bad else Status.PASS, here.architecture, None, "", evidence, hint
    )


def _kernels(here: ImageInfo, chip: str) -> Check:
    evidence = f"{ARCH_LIST} of the image against the chip's {chip}"
    if here.kernels is None:
        return Check("launch.kernels", Status.UNKNOWN, None, None, "", evidence)
    good = image_match.runs_on(here.kernels, chip)
    hint = "" if good else "none of its kernels was built for this chip: use or build an image that has some"
    return Check(
        "launch.kernels", Status.PASS if good else Status.FAIL, " ".join(here.kernels), None, "", evidence, hint
    )


def _version(recipe: Recipe, launch: Launch) -> list[Check]:
    """Whether the log of this version was read before."""
    if launch.version is None or not versions_known(recipe.engine):
        return []
    evidence = unknown_version(recipe.engine, launch.version)
    status = Status.WARN if evidence else Status.PASS
    hint = "it may take longer until a start is called hung" if evidence else ""
    return [
        Check("launch.version", status, launch.version, None, "", evidence or "its options and log are known", hint)
    ]


def _options(recipe: Recipe, launch: Launch) -> list[Check]:
    """Only what the recipe itself says; what onbox adds is known."""
    knows = known(recipe.engine, launch.version)
    options = {name: knows.option(name) for name in recipe.serve.arguments}
    return _by_knowledge("launch.options", options, launch.version, "options", "this version refuses them: remove them")


def _environment(recipe: Recipe, launch: Launch) -> list[Check]:
    knows = known(recipe.engine, launch.version)
    prefixes = tuple(prefix for facts in all_facts() for prefix in facts.variables)
    own = {name: knows.variable(name) for name in recipe.serve.environment if name.startswith(prefixes)}
    hint = "this version ignores them: remove them, and check the backend with expect.backends"
    return _by_knowledge("launch.environment", own, launch.version, "variables", hint)


def _named(recipe: Recipe) -> list[Check]:
    """Draft models, adapters, templates and the like that an argument names."""
    named = named_files(recipe)
    if not named:
        return []
    id_, evidence = (
        "launch.named",
        "what the arguments name in addition to the weights: fetched, mounted and counted with them",
    )
    parts = [f"{each.role} {each.name}" for each in named if each.weights]
    if gone := [each for each in named if each.weights is None]:
        names = ", ".join(f"{each.role} {each.name}" for each in gone)
        hint = "name one next to the recipe, or make sure that the image has it"
        evidence = f"not on this box, and not a repository of the hub: the engine may not find it ({names})"
        return [Check(id_, Status.UNKNOWN, ", ".join(each.option for each in gone), None, "", evidence, hint)]
    return [Check(id_, Status.PASS, "; ".join(parts), None, "", evidence)]


def _named_variables(recipe: Recipe) -> list[Check]:
    """Values that are taken from onbox's own environment."""
    named = sorted(name for name, value in recipe.serve.environment.items() if by_name(value))
    if not named:
        return []
    evidence = "values of serve.environment that name a variable: ${NAME}"
    if gone := missing(recipe.serve.environment):
        hint = "; ".join(f"export {name}=..." for name in gone)
        return [Check("launch.variables", Status.FAIL, f"not set: {', '.join(gone)}", None, "", evidence, hint)]
    return [Check("launch.variables", Status.PASS, ", ".join(named), None, "", evidence)]


def _by_knowledge(id_: str, known: dict[str, bool | None], version: str | None, what: str, hint: str) -> list[Check]:
    if not known:
        return []
    evidence = f"{what} of the recipe against those of version {version or '(unknown)'}"
    wrong = [name for name, is_known in known.items() if is_known is False]
    if wrong:
        status = Status.FAIL if what == "options" else Status.WARN
        return [Check(id_, status, f"not known: {', '.join(wrong)}", None, "", evidence, hint)]
    doubtful = [name for name, is_known in known.items() if is_known is None]
    if doubtful:
        return [
            Check(id_, Status.UNKNOWN, f"not in the table of that version: {', '.join(doubtful)}", None, "", evidence)
        ]
    return [Check(id_, Status.PASS, f"{len(known)} known", None, "", evidence)]


def _tools(recipe: Recipe) -> list[Check]:
    """An engine may answer an agent's first request with status 400 when it was given no parser."""
    names = facts_of(recipe.engine).call_parser_hint
    if not names:
        return []
    evidence = "without a parser the engine refuses tools, or leaves calls in the text"
    parser = recipe.tools.call_parser or str(recipe.serve.arguments.get("tool-call-parser", ""))
    if parser:
        return [Check("launch.tools", Status.PASS, parser, None, "", evidence)]
    hint = f"tools: {{call_parser: ...}}: {names}"
    return [Check("launch.tools", Status.WARN, "no parser", None, "", evidence, hint)]


def _nodes(recipe: Recipe) -> list[Check]:
    if not recipe.sparkrun:
        return []
    found = [
        Check("launch.sparkrun", Status.WARN, note, None, "", "settings of the sparkrun file that onbox does not apply")
        for note in notes(recipe)
    ]
    found += _mods(recipe)
    if nodes(recipe) > 1:
        hint = "onbox serves on one: set tensor_parallel and min_nodes to 1, if the model fits"
        found.append(
            Check("launch.nodes", Status.FAIL, nodes(recipe), 1.0, "boxes", "min_nodes of the sparkrun file", hint)
        )
    return found


def _mods(recipe: Recipe) -> list[Check]:
    """What a recipe leaves to changes of the container that sparkrun makes and onbox does not."""
    id_, changed = "launch.mods", mods(recipe)
    if not changed:
        return []
    names = ", ".join(changed)
    if files := files_of_mods(recipe):
        evidence = f"the command names {', '.join(files)}, which only one of them can bring"
        hint = "use an image that has it, name a template next to the recipe in serve.chat_template, or use sparkrun"
        return [Check(id_, Status.FAIL, names, None, "", evidence, hint)]
    evidence = "not applied: whether the engine starts without them, and serves the same, is not known"
    return [Check(id_, Status.WARN, names, None, "", evidence, "use an image that has them, or serve with sparkrun")]


def _pinned(recipe: Recipe) -> Check:
    loose = unpinned(recipe)
    evidence = "whether the recipe's images and repositories may change"
    hint = "name a digest, a commit or a hash, so that what was measured can be served again" if loose else ""
    return Check(
        "launch.pinned", Status.WARN if loose else Status.PASS, "; ".join(loose) or "all", None, "", evidence, hint
    )
