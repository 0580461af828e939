"""The packages that a repository's tests need, taken once from an environment that its owner has, and sealed.

Nothing is installed and nothing of the packages runs here: files are copied. What belongs to the repository itself is
left out, because an installed copy of it holds the commits that come later.
"""

import compileall
import hashlib
import json
import os
import py_compile
import re
import shutil
import sys
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from onbox.errors import UsageError
from onbox.trees import walk

BYTES_MAX = 400 << 20
FILES_MAX = 40_000
RECORD = "sealed.json"
_TOOLS = frozenset({"pip", "wheel", "uv"})
_PLACES = (".venv", "venv", "env")
_VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"


@dataclass(frozen=True)
class SealedEnvironment:
    """A sealed environment.

    Args:
        folder: `python` and `node_modules` in it, each where there is one, and `sealed.json`.
        source: where it was taken from, for people.
        has_pytest: whether pytest is in it.
        sha256: of all its files.
    """

    folder: Path
    source: str
    has_pytest: bool
    sha256: str


def seal(repository: Path, given: Path | None, project: str, own: Collection[str], target: Path) -> SealedEnvironment:
    """Copy what the tests need to the new folder `target`.

    Args:
        repository: where `.venv`, `venv` and `node_modules` are looked for.
        given: a virtual environment, or a folder with `node_modules`, in their place.
        project: the repository's own package, which is left out.
        own: its top-level modules, which are left out too.
        target: on the file system of the tasks.

    Raises:
        UsageError: the environment is for another Python, or larger than a task can carry.
    """
    if given is not None and not given.is_dir():
        raise UsageError(f"{given}: no such folder", "--env names a virtual environment, or a folder with node_modules")
    target.mkdir(parents=True)
    sources = []
    site = _site(given) if given else next((found for name in _PLACES if (found := _site(repository / name))), None)
    if site is not None:
        _copy(site, target / "python", lambda name: _is_own(name, project, own))
        sources.append(str(site))
    modules = (given or repository) / "node_modules"
    if modules.is_dir():
        _copy(modules, target / "node_modules", lambda name: name.startswith(".") or name == project)
        sources.append(str(modules))
    if given is not None and not sources:
        raise UsageError(f"{given}: neither a virtual environment for {_VERSION} nor a folder with node_modules")
    if site is None and (files := list(_of_this_python("pytest"))):
        for path, name in files:
            (target / "python" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target / "python" / name)
        sources.append("pytest of the Python that onbox runs on")
    if (target / "python").is_dir():
        _stand_in(target / "python", project)
        mode = py_compile.PycInvalidationMode.CHECKED_HASH
        compileall.compile_dir(target / "python", quiet=2, invalidation_mode=mode, maxlevels=40)
    sha256 = _sha256(target)
    record = {"python": _VERSION, "from": sources, "sha256": sha256}
    (target / RECORD).write_text(json.dumps(record, indent=1) + "\n")
    has_pytest = (target / "python" / "pytest").is_dir()
    return SealedEnvironment(target, ", ".join(sources) or "only the system's own packages", has_pytest, sha256)


def _site(folder: Path | None) -> Path | None:
    """The site-packages of a virtual environment; None where it is none.

    Raises:
        UsageError: it is for another version of Python.
    """
    if folder is None or not (folder / "lib").is_dir():
        return None
    found = sorted((folder / "lib").glob("python3*/site-packages"))
    if not found:
        return None
    for site in found:
        if site.parent.name == _VERSION:
            return site
    raise UsageError(
        f"{folder}: for {found[0].parent.name}, and onbox runs on {_VERSION}, as its sandbox does",
        "make one with the Python of onbox, or install onbox on that Python",
    )


def _is_own(name: str, project: str, own: Collection[str]) -> bool:
    """Whether an entry of site-packages is the repository's own, a tool that no test needs, or a link elsewhere."""
    package = _normal(re.split(r"-\d", name.removesuffix(".dist-info").removesuffix(".egg-info"))[0])
    stem = name.split(".")[0]
    if name.endswith((".pth", ".egg-link")) or name.startswith("__editable__"):
        return True
    return package in (_normal(project), *_TOOLS) or stem in own


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _copy(source: Path, target: Path, left_out: Callable[[str], bool]) -> None:
    files = size = 0
    for path, facts in walk(source, skip=lambda name: name == "__pycache__"):
        name = path.relative_to(source)
        if facts is None or left_out(name.parts[0]) or not path.is_file() or path.is_symlink():
            continue
        files, size = files + 1, size + facts.st_size
        if files > FILES_MAX or size > BYTES_MAX:
            raise UsageError(
                f"{source}: more than {FILES_MAX} files or {BYTES_MAX >> 20} MiB, and each task carries them",
                "give a smaller one with --env, with only what the tests need",
            )
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target / name)


def _of_this_python(name: str) -> Iterator[tuple[Path, str]]:
    """The files of an installed distribution and of all that it requires."""
    pending, visited = [name], set()
    while pending:
        current = _normal(pending.pop())
        if current in visited:
            continue
        visited.add(current)
        try:
            found = metadata.distribution(current)
        except metadata.PackageNotFoundError:
            continue
        for file in found.files or ():
            path = Path(str(found.locate_file(file)))
            if ".." not in file.parts and "__pycache__" not in file.parts and path.is_file():
                yield path, str(file)
        for line in found.requires or ():
            if "extra ==" not in line:
                pending.append(re.split(r"[^A-Za-z0-9._-]", line)[0])


def _stand_in(site: Path, project: str) -> None:
    """The project's metadata with a version that says nothing: code that asks for its own version finds one."""
    if project and re.fullmatch(r"[A-Za-z0-9._-]+", project):
        folder = site / f"{re.sub(r'[-_.]+', '_', project)}-0.0.0.dist-info"
        folder.mkdir(exist_ok=True)
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project}\nVersion: 0.0.0\n")


def _sha256(folder: Path) -> str:
    whole = hashlib.sha256()
    for path, _ in walk(folder, skip=lambda name: name == "__pycache__"):
        whole.update(os.fsencode(path.relative_to(folder)) + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()
