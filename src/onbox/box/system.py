"""The machine and its system in words: processor, kernel, distribution, disk, proxies."""

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psutil

PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "ftp_proxy")


@dataclass(frozen=True)
class Cpu:
    """The processor; None where the system does not tell."""

    model: str | None
    arch: str
    cores: int | None
    """Physical cores."""
    threads: int | None
    """Hardware threads that this process may use."""
    clock_mhz: float | None
    """The highest clock of any core at this moment."""
    clock_max_mhz: float | None


@dataclass(frozen=True)
class Disk:
    """The file system that the user's cache lies on."""

    path: str
    total_bytes: int
    free_bytes: int


@dataclass(frozen=True)
class System:
    """What runs here."""

    product: str | None
    """The maker's name for the machine, as the firmware tells it."""
    os: str
    kernel: str
    python: str


def cpu() -> Cpu:
    """Read the processor's model, cores and clocks."""
    try:
        allowed: int | None = len(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        allowed = psutil.cpu_count(logical=True)
    return Cpu(
        model=_cpu_model(),
        arch=platform.machine(),
        cores=psutil.cpu_count(logical=False),
        threads=allowed,
        clock_mhz=cpu_clock_mhz(),
        clock_max_mhz=_cpu_clock_max_mhz(),
    )


def cpu_clock_mhz() -> float | None:
    """The highest current clock of any core; under load it is that of the cores that work."""
    try:
        clocks = [each.current for each in psutil.cpu_freq(percpu=True)]
    except (OSError, NotImplementedError, AttributeError):
        return None
    best = max(clocks, default=0.0)
    return round(best) if best > 0 else None


def _cpu_clock_max_mhz() -> float | None:
    paths = Path("/sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq/cpuinfo_max_freq")
    clocks = [text for path in paths if (text := _line(path)) is not None]
    return max((int(text) / 1000 for text in clocks if text.isdigit()), default=None)


def _cpu_model() -> str | None:
    names = []
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() in ("model name", "Model") and value.strip() not in names:
                names.append(value.strip())
    except OSError:
        pass
    return ", ".join(names) or platform.processor() or None


def system() -> System:
    """Read the names of machine, distribution and kernel."""
    try:
        name = platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        name = platform.system()
    product = _line(Path("/sys/devices/virtual/dmi/id/product_name")) or _line(Path("/proc/device-tree/model"))
    return System(product=product, os=name, kernel=platform.release(), python=platform.python_version())


def disk(path: Path | None = None) -> Disk:
    """Room on the file system of `path`, or of the user's home."""
    at = path or Path.home()
    while not at.exists():
        at = at.parent
    usage = psutil.disk_usage(str(at))
    return Disk(path=str(at), total_bytes=usage.total, free_bytes=usage.free)


def proxies(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The proxy variables of the environment, with user names and passwords struck out."""
    found = {}
    for name in PROXY_VARIABLES:
        for spelling in (name, name.upper()):
            if environ.get(spelling):
                found[spelling] = redact(environ[spelling])
    return found


def redact(url: str) -> str:
    """A URL with `***` in place of its user name and password."""
    if "@" not in url:
        return url
    bare = "//" not in url
    try:
        parts = urlsplit(f"//{url}" if bare else url)
    except ValueError:
        return "***"
    host = parts.netloc.rpartition("@")[2]
    clean = urlunsplit(parts._replace(netloc=f"***@{host}"))
    if "@" in clean.replace(f"***@{host}", "", 1):
        return "***"
    return clean.removeprefix("//") if bare else clean


def _line(path: Path) -> str | None:
    try:
        return path.read_text().strip().strip("\0") or None
    except (OSError, UnicodeDecodeError):
        return None
