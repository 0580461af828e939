"""The real parts that some tests need beside Python; `.ci/parts` brings them.

A test says by its marker which part it needs. Where the part is missing it is skipped with the line that brings it; in
CI, which has brought them all, that is a failure.
"""

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

ROOT = Path(__file__).parents[1]
PARTS = Path(os.environ.get("ONBOX_PARTS", ROOT / ".parts"))
VLLM_PYTHON = PARTS / "vllm" / "bin" / "python"
VLLM_MODEL = PARTS / "models" / "smollm2"
"""SmolLM2-135M-Instruct as safetensors."""

HARBOR_PYTHON = PARTS / "harbor" / "bin" / "python"
COMPOSE = PARTS / "compose"
"""For DOCKER_CONFIG: the plugin `docker compose`, which Harbor starts its containers by."""
INSPECT_PYTHON = PARTS / "inspect" / "bin" / "python"
SPARKRUN_PYTHON = PARTS / "sparkrun" / "bin" / "python"

RAY_PYTHON = PARTS / "ray" / "bin" / "python"

FIRST_AGENTS = ("opencode", "pi", "codex")
MORE_AGENTS = ("claude-code", "qwen-code", "mini-swe-agent")
"""They need 1 GB more, and have a part and a marker of their own."""
MCP_SERVER = "mcp-filesystem"
"""A server of tools that arms may have, the filesystem server of the Model Context Protocol's makers."""
AGENTS = PARTS / "agents"
"""A folder for each agent and for the server of tools."""

NODE = PARTS / "node" / "node_modules" / ".bin" / "node"
"""A node that reads TypeScript; the system's may be older."""


@dataclass(frozen=True)
class Part:
    """A real part that tests need.

    Args:
        missing: names what of it is not on this box; nothing where it is here in full.
        brings: the line that brings it.
    """

    missing: Callable[[], list[str]]
    brings: str


SYSTEM = "bash .ci/parts system"
CONTAINERS = ("/bin/busybox", "tar", "umount", "runc")
"""What the tests of both container programs run beside them: the image is made of busybox."""

CUDA_BIN = next(iter(sorted((PARTS / "cuda" / "lib").glob("python3*/site-packages/nvidia/cu13/bin"))), PARTS / "cuda")
"""nvcc, cuobjdump and nvdisasm."""

PARTS_BY_MARKER: dict[str, Part] = {
    "engine": Part(
        lambda: [] if importlib.util.find_spec("xllamacpp") else ["xllamacpp"], "pip install 'onbox[embedded]'"
    ),
    "bwrap": Part(lambda: _no_program("bwrap") or _no_namespaces(), SYSTEM),
    "browser": Part(lambda: _no_program("chromium"), SYSTEM),
    "node": Part(lambda: _no_program("node"), SYSTEM),
    "docker": Part(
        lambda: [
            *_no_program("dockerd", "/usr/bin/docker", "containerd", *CONTAINERS),
            *_not_root(),
            *_no_overlay(),
            *_no_mounts(),
        ],
        f"{SYSTEM}, as root",
    ),
    "nvcc": Part(
        lambda: [
            *(name for name in ("nvcc", "cuobjdump", "nvdisasm") if not (CUDA_BIN / name).is_file()),
            *_no_program("g++"),
        ],
        "bash .ci/parts cuda",
    ),
    "podman": Part(
        lambda: [*_no_program("podman", "conmon", *CONTAINERS), *_not_root(), *_no_overlay(), *_no_mounts()],
        f"{SYSTEM}, as root",
    ),
    "registry": Part(lambda: _no_program("docker-registry"), SYSTEM),
    "vllm": Part(lambda: _no_file(VLLM_PYTHON, VLLM_MODEL / "config.json"), "bash .ci/parts vllm"),
    "agents": Part(
        lambda: [*_no_file(*_ready((*FIRST_AGENTS, MCP_SERVER))), *_no_program(str(NODE), "node")],
        "bash .ci/parts system agents",
    ),
    "more_agents": Part(
        lambda: [*_no_file(*_ready(MORE_AGENTS)), *_no_program("node")], "bash .ci/parts system more_agents"
    ),
    "ray": Part(lambda: _no_file(PARTS / "ray" / ".ready"), "bash .ci/parts ray"),
    "sparkrun": Part(lambda: _no_file(SPARKRUN_PYTHON), "bash .ci/parts sparkrun"),
    "formats": Part(
        lambda: _no_file(HARBOR_PYTHON, INSPECT_PYTHON, COMPOSE / "cli-plugins" / "docker-compose"),
        "bash .ci/parts system formats",
    ),
}


def _no_program(*names: str) -> list[str]:
    """Those that cannot be run here; a name with a slash is looked for there alone."""
    return [name for name in names if shutil.which(name) is None]


def _no_file(*paths: Path) -> list[str]:
    return [str(path) for path in paths if not path.is_file()]


def _ready(names: Iterable[str]) -> list[Path]:
    return [AGENTS / name / ".ready" for name in names]


def _not_root() -> list[str]:
    return [] if os.getuid() == 0 else ["root"]


def _no_overlay() -> list[str]:
    """The driver of both stores; a kernel that has it as a module loads it when it is first mounted."""
    if "\toverlay\n" in Path("/proc/filesystems").read_text():
        return []
    return [] if _runs("modprobe", "--dry-run", "overlay") else ["the file system overlay"]


def _no_mounts() -> list[str]:
    """Root in a container, or in a sandbox of this kind, may mount nothing."""
    return [] if _runs("unshare", "--mount", "true") else ["the right to mount"]


def _no_namespaces() -> list[str]:
    """What every command of the tier does first."""
    command = ("bwrap", "--unshare-user", "--unshare-pid", "--unshare-net", "--ro-bind", "/", "/", "--proc", "/proc")
    return [] if _runs(*command, "true") else ["user namespaces for bubblewrap"]


def _runs(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=10, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def each_agent(*names: str) -> list[ParameterSet]:
    """These agents, or all, as parameters of a test, each with the marker that brings it."""
    return [
        pytest.param(name, marks=pytest.mark.agents if name in FIRST_AGENTS else pytest.mark.more_agents)
        for name in names or (*FIRST_AGENTS, *MORE_AGENTS)
    ]


def agents_path() -> str:
    """The folders of the agents' programs, for PATH."""
    folders = [*AGENTS.glob("*/node_modules/.bin"), *AGENTS.glob("*/bin")]
    return os.pathsep.join([*map(str, sorted(folders)), os.environ["PATH"]])


@cache
def missing(marker: str) -> tuple[str, ...]:
    """What of the part behind `marker` is not on this box; asked once a session."""
    return tuple(PARTS_BY_MARKER[marker].missing())


def require(marker: str) -> None:
    """Go on where the part behind `marker` is here in full; fail in CI, and skip elsewhere, where it is not."""
    if not (lacks := missing(marker)):
        return
    reason = f"{marker}: not on this box: {', '.join(lacks)}: {PARTS_BY_MARKER[marker].brings}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
