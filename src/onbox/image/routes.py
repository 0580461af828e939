"""Where the daemon's pulls really go: every place that may send them through a proxy. Nothing is changed here."""

import ipaddress
import json
import os
import re
import shutil
import socket
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

from onbox.fetch.http import Route, proxy_label
from onbox.image.credentials import docker_config
from onbox.image.daemon import Daemon
from onbox.image.reference import Reference
from onbox.watch.members import daemon_behind, docker_socket

DAEMON_JSON = Path("/etc/docker/daemon.json")
DROP_INS = (
    "/etc/systemd/system/docker.service.d", "/run/systemd/system/docker.service.d",
    "/usr/lib/systemd/system/docker.service.d", "/lib/systemd/system/docker.service.d",
)  # fmt: skip
UNITS = (
    "/etc/systemd/system/docker.service",
    "/usr/lib/systemd/system/docker.service",
    "/lib/systemd/system/docker.service",
)
TOR_PORTS = {9050: "tor", 9150: "the Tor Browser"}
VARIABLES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY")
ANSWER_S = 0.5
_ASSIGNMENT = re.compile(r'"([^"]*)"|\'([^\']*)\'|(\S+)')


@dataclass(frozen=True)
class Setting:
    """One place that names a proxy."""

    where: str
    """The file, or who told."""
    variable: str
    value: str
    """Without its password."""
    decides: bool
    """Whether pulls of the daemon follow it; others only concern builds and containers, or this shell."""
    note: str = ""


@dataclass(frozen=True)
class DaemonRoute:
    """Where a pull of the daemon goes."""

    program: str
    proxy: str
    """For HTTPS; empty for none."""
    proxy_http: str
    no_proxy: str
    settings: tuple[Setting, ...]
    listening: dict[int, str]
    """Ports of Tor that something listens on here."""
    other_tools: dict[str, str]
    """Tool -> the route that it would take: `direct`, or a proxy."""

    @property
    def kind(self) -> str:
        """`direct`, `tor`, `socks` or `http`."""
        if not self.proxy:
            return "direct"
        parts = urlsplit(self.proxy if "://" in self.proxy else f"http://{self.proxy}")
        if parts.port in TOR_PORTS:
            return "tor"
        return "socks" if parts.scheme.startswith("socks") else "http"

    def proxy_for(self, reference: Reference) -> str:
        """The proxy that a pull of this image goes through; empty for none."""
        host = reference.api_host
        if not self.proxy or bypasses(host, self.no_proxy):
            return ""
        return self.proxy

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "program": self.program,
            "kind": self.kind,
            "https": proxy_label(self.proxy) or None,
            "http": proxy_label(self.proxy_http) or None,
            "no_proxy": self.no_proxy or None,
            "settings": [asdict(each) for each in self.settings],
            "listening": {str(port): name for port, name in self.listening.items()},
            "other_tools": self.other_tools,
        }


def find_route(daemon: Daemon) -> DaemonRoute:
    """All that says where this daemon's pulls go; what it tells of itself decides, where it tells.

    For podman the environment of this shell decides, as it has no daemon.
    """
    settings = tuple(_settings(daemon))
    if daemon.program == "podman":
        here = _variables(os.environ)
        proxy, plain, no_proxy = (
            here.get("HTTPS_PROXY") or here.get("ALL_PROXY", ""),
            here.get("HTTP_PROXY", ""),
            here.get("NO_PROXY", ""),
        )
    else:
        info = daemon.info
        proxies = (
            str(info.get("HttpsProxy") or ""),
            str(info.get("HttpProxy") or ""),
            str(info.get("NoProxy") or ""),
        )
        process = _variables(_environment_of_daemon())
        # docker tells HTTPS_PROXY and HTTP_PROXY, and not ALL_PROXY, which its client of registries follows too.
        proxy = proxies[0] or process.get("ALL_PROXY", "")
        plain, no_proxy = proxies[1], proxies[2] or process.get("NO_PROXY", "")
    return DaemonRoute(daemon.program, proxy, plain, no_proxy, settings, _tor_ports(), _other_tools())


def bypasses(host: str, no_proxy: str) -> bool:
    """Whether NO_PROXY, as Go reads it, lets a host go without the proxy; loopback always does."""
    name, _, port = host.rpartition(":") if ":" in host and not host.endswith("]") else (host, "", "")
    name = name.strip("[]").lower()
    address = _address(name)
    if name == "localhost" or (address is not None and address.is_loopback):
        return True
    for entry in (each.strip().lower() for each in no_proxy.split(",") if each.strip()):
        if entry == "*":
            return True
        bare, _, wanted_port = entry.partition(":") if entry.count(":") == 1 else (entry, "", "")
        if wanted_port and wanted_port != port:
            continue
        if address is not None:
            try:
                if address in ipaddress.ip_network(bare, strict=False):
                    return True
            except ValueError:
                continue
            continue
        suffix = bare.removeprefix("*")
        if name == suffix.lstrip(".") and not suffix.startswith("."):
            return True
        if name.endswith(suffix if suffix.startswith(".") else f".{suffix}"):
            return True
    return False


def bypassed_proxy(found: DaemonRoute, reference: Reference, route: Route) -> str:
    """The proxy that the daemon would take and this route would not; empty where both go the same way."""
    deliberate = found.proxy_for(reference)
    ours = route.proxy_for(f"https://{reference.api_host}/")
    return deliberate if deliberate and _same(deliberate) != _same(ours) else ""


def privacy(proxy: str, reference: Reference) -> str:
    """What going around a proxy means, in one sentence."""
    tor = DaemonRoute("", proxy, "", "", (), {}, {}).kind == "tor"
    through = "Tor, which hides this box's address" if tor else f"the proxy {proxy_label(proxy)}"
    return (
        f"docker pulls through {through}; without it {reference.api_host} and everyone on the way see this box's own "
        f"address and that it fetches {reference.name}"
    )


# ------------------------------------------------------------ the places


def _settings(daemon: Daemon) -> Iterator[Setting]:
    if daemon.program == "docker":
        info = daemon.info
        for key, name in (("HttpsProxy", "HTTPS_PROXY"), ("HttpProxy", "HTTP_PROXY"), ("NoProxy", "NO_PROXY")):
            if info.get(key):
                yield Setting("docker info", name, proxy_label(str(info[key])), decides=True)
        yield from _from_daemon_json(daemon)
        for path in _unit_files():
            yield from _from_unit(path)
        for name, value in _variables(_environment_of_daemon()).items():
            yield Setting("environment of dockerd", name, proxy_label(value), decides=True)
        yield from _from_client_config()
    for name, value in _variables(os.environ).items():
        note = "" if daemon.program == "podman" else "skopeo, curl and onbox follow it; the daemon does not"
        yield Setting(
            "environment of this shell", name, proxy_label(value), decides=daemon.program == "podman", note=note
        )


def _from_daemon_json(daemon: Daemon) -> Iterator[Setting]:
    try:
        proxies = json.loads(DAEMON_JSON.read_text("utf-8")).get("proxies") or {}
    except (OSError, ValueError, AttributeError):
        return
    old = (daemon.major or 99) < 23
    note = f"docker {daemon.version} does not start with it: proxies are of 23 and later" if old else ""
    for key, name in (("https-proxy", "HTTPS_PROXY"), ("http-proxy", "HTTP_PROXY"), ("no-proxy", "NO_PROXY")):
        if isinstance(proxies, dict) and proxies.get(key):
            yield Setting(str(DAEMON_JSON), name, proxy_label(str(proxies[key])), decides=True, note=note)


def _unit_files() -> Iterator[Path]:
    for name in UNITS:
        if Path(name).is_file():
            yield Path(name)
            break
    names: set[str] = set()
    for folder in DROP_INS:
        for path in sorted(Path(folder).glob("*.conf")):
            # A file of /etc hides one of the same name further down.
            if path.name not in names:
                names.add(path.name)
                yield path


def _from_unit(path: Path) -> Iterator[Setting]:
    """`Environment=` and `EnvironmentFile=` of a unit or drop-in."""
    try:
        lines = path.read_text("utf-8", "replace").replace("\\\n", " ").splitlines()
    except OSError:
        return
    for line in lines:
        key, _, rest = line.strip().partition("=")
        if key == "Environment":
            pairs = [match[1] or match[2] or match[3] or "" for match in _ASSIGNMENT.finditer(rest)]
            variables = dict(each.split("=", 1) for each in pairs if "=" in each)
        elif key == "EnvironmentFile":
            variables = _environment_file(Path(rest.strip().removeprefix("-")))
        else:
            continue
        for name, value in _variables(variables).items():
            yield Setting(str(path), name, proxy_label(value), decides=True, note="as of the daemon's next start")


def _environment_file(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError:
        return {}
    pairs = (line.strip().split("=", 1) for line in lines if "=" in line and not line.lstrip().startswith("#"))
    return {name.strip(): value.strip().strip("\"'") for name, value in pairs}


def _from_client_config() -> Iterator[Setting]:
    try:
        proxies = json.loads(docker_config().read_text("utf-8")).get("proxies") or {}
    except (OSError, ValueError, AttributeError):
        return
    for host, values in proxies.items() if isinstance(proxies, dict) else ():
        for key, name in (("httpsProxy", "HTTPS_PROXY"), ("httpProxy", "HTTP_PROXY"), ("noProxy", "NO_PROXY")):
            if isinstance(values, dict) and values.get(key):
                where = f"{docker_config()} ({host})"
                yield Setting(
                    where, name, proxy_label(str(values[key])), decides=False, note="for builds and containers"
                )


def _environment_of_daemon() -> dict[str, str]:
    """Of the process at the other end of the socket, where it may be read."""
    pid = daemon_behind(docker_socket(dict(os.environ)))
    if pid is None:
        return {}
    try:
        return psutil.Process(pid).environ()
    except (psutil.Error, OSError):
        return {}


def _variables(environment: Mapping[str, str]) -> dict[str, str]:
    """The proxy variables, whichever way they are written."""
    found = {}
    for name in VARIABLES:
        if value := environment.get(name) or environment.get(name.lower()):
            found[name] = value
    return found


def _tor_ports() -> dict[int, str]:
    """Ports of Tor on which something here answers as a SOCKS server."""
    return {port: name for port, name in TOR_PORTS.items() if _speaks_socks(port)}


def _speaks_socks(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), ANSWER_S) as probe:
            probe.settimeout(ANSWER_S)
            probe.sendall(b"\x05\x01\x00")
            return probe.recv(2)[:1] == b"\x05"
    except OSError:
        return False


def _other_tools() -> dict[str, str]:
    """Tools that are here and follow this shell's environment, with the route they take."""
    here = _variables(os.environ)
    taken = proxy_label(here.get("HTTPS_PROXY") or here.get("ALL_PROXY", "")) or "direct"
    return {name: taken for name in ("skopeo", "curl", "git", "pip") if shutil.which(name)}


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


def _same(proxy: str) -> str:
    return (
        proxy_label(proxy if "://" in proxy or not proxy else f"http://{proxy}")
        .replace("socks5h", "socks5")
        .rstrip("/")
    )
