"""A real engine as an image, made here without a registry: llama.cpp's server from the xllamacpp wheel.

The wheel brings llama.cpp's own HTTP server as a Python module. The image holds that module, this box's Python with its
standard library, the libraries that both need, and a `llama-server` that takes the options of the program of that name.
"""

import importlib.util
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path

from onbox.bench.sandbox.interior import interpreter

SERVER = "/usr/local/bin/llama-server"
WITHOUT = (
    "test",
    "idlelib",
    "tkinter",
    "lib2to3",
    "ensurepip",
    "site-packages",
    "__pycache__",
    "config-*",
    "turtledemo",
)
DOCKERFILE = f"FROM onbox-base:local\nCOPY root/ /\nRUN busybox chmod 755 {SERVER}\n"
PROGRAM = f"""#!{interpreter()}
import argparse, os, signal, sys, threading
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
sys.path.insert(0, "/opt/llama")
import xllamacpp
options = argparse.ArgumentParser()
for name in ("model", "alias", "host", "reasoning-format", "chat-template-file"):
    options.add_argument("--" + name)
for name in ("port", "ctx-size", "parallel", "threads", "verbosity"):
    options.add_argument("--" + name, type=int)
for name in ("metrics", "props", "slots", "jinja", "offline"):
    options.add_argument("--" + name, action="store_true")
told, unknown = options.parse_known_args()
if unknown:
    sys.exit("error: invalid argument: " + unknown[0])
params = xllamacpp.CommonParams()
params.model.path, params.model_alias = told.model, {{told.alias}}
params.hostnames, params.port = [told.host], told.port
params.endpoint_metrics, params.endpoint_slots, params.endpoint_props = told.metrics, told.slots, told.props
params.offline, params.ui, params.verbosity = True, False, told.verbosity or 3
params.n_ctx, params.n_parallel = told.ctx_size, told.parallel
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = told.threads or os.cpu_count()
server = xllamacpp.Server(params)
print("listening on", server.listening_address, flush=True)
threading.Event().wait()
"""


def write_context(folder: Path) -> None:
    """A folder that the image is built from, on a base with busybox called `onbox-base:local`."""
    root = folder / "root"
    library = Path(sysconfig.get_paths()["stdlib"])
    shutil.copytree(library, _in(root, library), ignore=shutil.ignore_patterns(*WITHOUT))
    python = interpreter()
    found = importlib.util.find_spec("xllamacpp")
    assert found is not None
    assert found.origin is not None
    module = Path(found.origin).parent
    shutil.copytree(module, root / "opt" / "llama" / module.name, ignore=shutil.ignore_patterns("__pycache__"))
    _copy(python, _in(root, python))
    for each in _libraries([python, *module.glob("*.so"), *(library / "lib-dynload").glob("*.so")]):
        _copy(each.resolve(), _in(root, each))
    program = _in(root, Path(SERVER))
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(PROGRAM)
    (folder / "Dockerfile").write_text(DOCKERFILE)


def _in(root: Path, path: Path) -> Path:
    return root / path.relative_to("/")


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)


def _libraries(files: list[Path]) -> set[Path]:
    """What the dynamic linker would load for these files, itself included."""
    output = subprocess.run(["ldd", *map(str, files)], capture_output=True, text=True, check=False).stdout
    return {Path(path) for path in re.findall(r"(?:=> )?(/\S+) \(0x", output)}
