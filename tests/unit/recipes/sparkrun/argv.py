"""What a command means, read without onbox: bash splits it, and an option is the same under its short and long name."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PROGRAMS = ("vllm", "sglang", "python3", "python")
SHORT = {
    "vllm": {"tp": "tensor-parallel-size", "pp": "pipeline-parallel-size", "dp": "data-parallel-size",
             "q": "quantization", "O": "optimization-level"},
    "sglang": {"tp": "tp-size", "pp": "pp-size", "dp": "dp-size"},
}  # fmt: skip
OURS = {"host", "port", "api-key", "model-path", "model", "revision"}
"""Where it listens is onbox's own affair, and the model is a folder with the pinned commit."""


def split_by_bash(command: str, folder: Path) -> list[str]:
    """The words that the program would get, from bash itself."""
    bin_folder = folder / "bin"
    bin_folder.mkdir(exist_ok=True)
    for name in PROGRAMS:
        program = bin_folder / name
        program.write_text(f"#!/bin/bash\nprintf '%s\\0' {name} \"$@\"\n")
        program.chmod(0o755)
    done = subprocess.run(
        ["/bin/bash", "-c", command], capture_output=True, check=True, env={"PATH": str(bin_folder)}, cwd=folder
    )
    assert done.stderr == b"", done.stderr
    return done.stdout.decode().split("\0")[:-1]


def meaning(words: Sequence[str], engine: str) -> dict[str, Any]:
    """Option -> values, but for those that are onbox's own; the last word on an option counts."""
    found: dict[str, Any] = {}
    name = ""
    for word in words:
        if word.startswith("-") and word.lstrip("-")[:1].isalpha():
            name, joined, value = word.lstrip("-").partition("=")
            name = SHORT[engine].get(name, name).replace("_", "-")
            found[name] = [_value(value)] if joined else []
        elif name:
            found[name] = [*found[name], _value(word)]
    return {key: value for key, value in found.items() if key not in OURS}


def _value(text: str) -> Any:
    for scale, end in ((1000, "k"), (1024, "K")):
        if text.endswith(end) and text[:-1].isdigit():
            return float(int(text[:-1]) * scale)
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return json.loads(text)
    except ValueError:
        return text
