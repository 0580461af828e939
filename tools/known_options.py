"""Writes what one version of an engine knows: options of its command line and environment variables.

    PYTHONPATH=src:. .venv/bin/python tools/known_options.py vllm .parts/vllm/bin/vllm
    PYTHONPATH=src:. .venv/bin/python tools/known_options.py vllm .parts/vllm/bin/vllm vllm-0.33.0-....whl
    PYTHONPATH=src:. .venv/bin/python tools/known_options.py llama.cpp

vLLM is asked for its help, and its list of variables is read from its source. With a wheel of another version, that
wheel's Python is asked, in the environment of the one that is installed. Of llama.cpp the texts of the embedded
engine's library are taken that look like options; that is every program of llama.cpp, not the server's options alone.
"""

import importlib.metadata
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from onbox.engines.installed import version_in_environment
from onbox.engines.known import FOLDER

HELP_S = 120.0
LONG = re.compile(r"(?<![\w-])--?([a-z][A-Za-z0-9_.-]*)")


def vllm(program: str, wheel: str = "") -> tuple[str, list[str], list[str]]:
    """(version, options, variables) of an installed vLLM, or of a wheel beside it."""
    if not wheel:
        (package,) = (Path(program).absolute().parent.parent / "lib").glob("python3*/site-packages/vllm")
        return _of_package(program, package, version_in_environment(program, "vllm") or "")
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(wheel) as packed:
            # The compiled parts are left where they are: the parser of the command line needs none.
            packed.extractall(folder, [name for name in packed.namelist() if not name.endswith(".so")])
        return _of_package(program, Path(folder) / "vllm", Path(wheel).name.split("-")[1])


def _of_package(program: str, package: Path, version: str) -> tuple[str, list[str], list[str]]:
    command = [str(Path(program).with_name("python")), "-m", "vllm.entrypoints.cli.main", "serve", "--help=all"]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join((str(package.parent), os.environ.get("PYTHONPATH", ""))),
        "VLLM_TARGET_DEVICE": "cpu",
    }
    output = subprocess.run(command, capture_output=True, text=True, timeout=HELP_S, check=True, env=environment)
    heads = [line for line in output.stdout.splitlines() if re.match(r"^  -", line)]
    options = {name for line in heads for name in LONG.findall(re.split(r"\s{2,}(?=\S)", line.strip())[0])}
    variables = set(re.findall(r'^    "(VLLM_\w+)":', (package / "envs.py").read_text(), re.MULTILINE))
    return version, sorted(options), sorted(variables)


def llama_cpp() -> tuple[str, list[str], list[str]]:
    """(version, options, variables) of the llama.cpp in the xllamacpp wheel."""
    spec = importlib.util.find_spec("xllamacpp")
    assert spec is not None
    assert spec.origin is not None
    (library,) = Path(spec.origin).parent.glob("*.so")
    texts = set(re.findall(rb"[\x20-\x7e]{3,}", library.read_bytes()))
    options = {text.decode().lstrip("-") for text in texts if re.fullmatch(rb"--?[a-z][A-Za-z0-9-]+", text)}
    variables = {text.decode() for text in texts if re.fullmatch(rb"(LLAMA_ARG|GGML)_[A-Z0-9_]+", text)}
    return "b" + importlib.metadata.version("xllamacpp").rsplit(".", 1)[1], sorted(options), sorted(variables)


def main(engine: str, *program: str) -> None:
    """Write the table of one engine."""
    version, options, variables = vllm(*program) if engine == "vllm" else llama_cpp()
    table = {"engine": engine, "version": version, "options": options, "variables": variables}
    (FOLDER / f"{engine}-{version.partition('+')[0]}.json").write_text(json.dumps(table, indent=0) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
