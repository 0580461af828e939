"""The real parts that some tests need beside Python; `.ci/parts` brings them.

A test says by its marker which part it needs. Where the part is missing it is skipped with the line that brings it; in
CI, which has brought them all, that is a failure.
"""

import importlib.util
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

ROOT = Path(__file__).parents[1]
PARTS = Path(os.environ.get("ONBOX_PARTS", ROOT / ".parts"))
VLLM_PYTHON = PARTS / "vllm" / "bin" / "python"
VLLM_MODEL = PARTS / "models" / "smollm2"
"""SmolLM2-135M-Instruct as safetensors."""

HARBOR_PYTHON = PARTS / "harbor" / "bin" / "python"
INSPECT_PYTHON = PARTS / "inspect" / "bin" / "python"

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

NEEDS: dict[str, tuple[Callable[[], bool], str]] = {
    "engine": (lambda: importlib.util.find_spec("xllamacpp") is not None, "pip install 'onbox[embedded]'"),
    "bwrap": (lambda: shutil.which("bwrap") is not None, "bash .ci/parts system"),
    "browser": (lambda: shutil.which("chromium") is not None, "bash .ci/parts system"),
    "docker": (lambda: shutil.which("dockerd") is not None and os.getuid() == 0, "bash .ci/parts system, as root"),
    "podman": (lambda: shutil.which("podman") is not None and os.getuid() == 0, "bash .ci/parts system, as root"),
    "vllm": (lambda: VLLM_PYTHON.is_file() and (VLLM_MODEL / "config.json").is_file(), "bash .ci/parts vllm"),
    "agents": (lambda: _agents_here((*FIRST_AGENTS, MCP_SERVER)) and NODE.exists(), "bash .ci/parts agents"),
    "more_agents": (lambda: _agents_here(MORE_AGENTS), "bash .ci/parts more_agents"),
    "ray": (lambda: (PARTS / "ray" / ".ready").exists(), "bash .ci/parts ray"),
    "formats": (lambda: HARBOR_PYTHON.is_file() and INSPECT_PYTHON.is_file(), "bash .ci/parts formats"),
}
"""Marker -> (whether the part is here, what brings it)."""


def each_agent(*names: str) -> list[ParameterSet]:
    """These agents, or all, as parameters of a test, each with the marker that brings it."""
    return [
        pytest.param(name, marks=pytest.mark.agents if name in FIRST_AGENTS else pytest.mark.more_agents)
        for name in names or (*FIRST_AGENTS, *MORE_AGENTS)
    ]


def _agents_here(names: Iterable[str]) -> bool:
    return all((AGENTS / name / ".ready").exists() for name in names)


def agents_path() -> str:
    """The folders of the agents' programs, for PATH."""
    folders = [*AGENTS.glob("*/node_modules/.bin"), *AGENTS.glob("*/bin")]
    return os.pathsep.join([*map(str, sorted(folders)), os.environ["PATH"]])


def require(marker: str) -> None:
    """Go on where the part behind `marker` is here; fail in CI, and skip elsewhere, where it is not."""
    here, brings = NEEDS[marker]
    if here():
        return
    reason = f"{marker}: not on this box: {brings}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
