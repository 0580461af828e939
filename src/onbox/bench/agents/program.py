"""Where a program of others is installed on this box, and what must be readable for it to run."""

import hashlib
import os
import re
import shutil
import stat
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from onbox.errors import BoxError
from onbox.untrusted_json import UntrustedJsonError, parse_object

_SITE = "lib/python*/site-packages"
_SHOWN_HASH = 16
_SHEBANG_BYTES = 256
PROGRAM_BYTES_MAX = 4 << 30
"""Of a program that is known by its hash; the largest agents have a tenth of it."""
_TEXT_BYTES_MAX = 1 << 20
"""Of what a package says of itself."""
_VERSION = re.compile(r"(?:sha256:)?[0-9A-Za-z][0-9A-Za-z.+!_-]{0,63}")
"""What is taken for one: it goes into the plan, the reports and the terminal."""
_SHOWN = ("/usr", "/bin", "/sbin")
"""What every sandbox shows."""


@dataclass(frozen=True)
class Program:
    """An installed program.

    Args:
        argv: the words that start it: its interpreter, where it is a script, and itself.
        folders: what must be readable beyond /usr.
        version: of the package that it belongs to, else `sha256:` and the hash of its file.
    """

    argv: tuple[str, ...]
    folders: tuple[Path, ...]
    version: str


def find(name: str, install: str, package: str = "") -> Program:
    """The program of that name on PATH, or at that path.

    Args:
        name: a word, or a path.
        install: the line that installs it.
        package: the Python package that it belongs to; its version is read from the package's metadata.

    Raises:
        BoxError: it is not there, it is no program, or its interpreter is not there.
    """
    found = shutil.which(name)
    if found is None:
        raise BoxError(f"{name}: not installed, or not on PATH", install)
    path = Path(found).resolve()
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode) or facts.st_size > PROGRAM_BYTES_MAX:
            raise BoxError(
                f"{name}: not a program: not a regular file of at most {PROGRAM_BYTES_MAX >> 30} GiB", install
            )
        return _found(path, name, package)
    except OSError as error:
        raise BoxError(f"{name}: cannot be read: {error.strerror or error}", install) from error


def _found(path: Path, name: str, package: str) -> Program:
    interpreter = _interpreter(path, name)
    folders = {folder for file in (path, *interpreter[:1]) for folder in _readable(file)}
    argv = (*map(str, interpreter), str(path))
    if interpreter and interpreter[0] != interpreter[0].resolve():
        # The python of a virtual environment is a link; it must be started by the link, and what it leads to be there.
        folders.update(_readable(interpreter[0].resolve()))
    version = _version(path, package)
    return Program(argv, tuple(sorted(folders)), version if _VERSION.fullmatch(version) else "unknown")


def _interpreter(path: Path, name: str) -> tuple[Path, ...]:
    """The interpreter that a script names in its first line; nothing for a program that needs none."""
    with path.open("rb") as file:
        first = file.read(_SHEBANG_BYTES).partition(b"\n")[0]
    if not first.startswith(b"#!"):
        return ()
    words = [word for word in os.fsdecode(first[2:]).split() if word != "-S"]
    if words and Path(words[0]).name == "env":
        words = words[1:]
    if not words:
        raise BoxError(f"{name}: its first line does not name an interpreter", "name another program")
    found = shutil.which(words[0])
    if found is None:
        raise BoxError(f"{name}: needs {words[0]}, which is not installed", f"install {words[0]}")
    return (Path(found),)


def _readable(file: Path) -> list[Path]:
    """What must be shown of a program and what it loads; nothing where the sandbox shows it anyway.

    The folder of an npm package's `node_modules`, the prefix of a `bin`, or the file alone. Of the user's own prefix
    not all: programs keep their keys in `~/.local/share`.
    """
    if any(map(file.is_relative_to, _SHOWN)):
        return []
    if "node_modules" in file.parts:
        return [Path(*file.parts[: file.parts.index("node_modules") + 1])]
    prefix = file.parent.parent
    if file.parent.name != "bin" or prefix in (Path("/"), Path.home()):
        return [file]
    if prefix == Path.home() / ".local":
        return [folder for folder in (prefix / "bin", prefix / "lib") if folder.is_dir()]
    return [prefix]


def _version(path: Path, package: str) -> str:
    """By the metadata of the npm or Python package, else by the content of the program; nothing of it is run.

    It is a stranger's program, and no sandbox has been chosen when a plan is made.
    """
    prefix = path.parent.parent
    if package:
        name = re.sub(r"[-_.]+", "_", package)
        found = sorted(prefix.glob(f"{_SITE}/{name}-*.dist-info"))
        return found[-1].name.removesuffix(".dist-info").rpartition("-")[2] if found else "unknown"
    for folder in path.parents:
        manifest = folder / "package.json"
        if manifest.is_file() and "node_modules" in folder.parts:
            return _manifest_version(manifest)
    for scripts in prefix.glob(f"{_SITE}/*.dist-info/entry_points.txt"):
        text = _text(scripts).decode("utf-8", "replace") if scripts.is_file() else ""
        if re.search(rf"^{re.escape(path.name)}\s*=", text, re.MULTILINE):
            return scripts.parent.name.removesuffix(".dist-info").rpartition("-")[2]
    known = path.stat()
    return f"sha256:{_sha256(path, known.st_size, known.st_mtime_ns)[:_SHOWN_HASH]}"


def _manifest_version(path: Path) -> str:
    try:
        return str(parse_object(_text(path)).get("version", "unknown"))
    except (OSError, UntrustedJsonError):
        return "unknown"


def _text(path: Path) -> bytes:
    """The beginning of a file that may be of any length."""
    with path.open("rb") as file:
        return file.read(_TEXT_BYTES_MAX)


@cache
def _sha256(path: Path, size_bytes: int, changed_ns: int) -> str:
    """Of a file as it is now: it is asked for before every run, and may hold hundreds of megabytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
