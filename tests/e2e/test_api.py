"""The examples of docs/api.md run as they are written, and `import onbox` stays as cheap as it was."""

import json
import re
import shutil
import subprocess
import sys
import typing
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType

import pytest

import onbox
from tests.doubles.scripted_plugin import OPTIONS
from tests.e2e.cli import ROOT, scripted
from tests.unit.weights.checkpoints import gpt_oss, write_gguf, write_model

PAGE = (ROOT / "docs" / "api.md").read_text("utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
URL = "http://127.0.0.1:8080/v1"
LINES_MAX = 7
DRIVER = """
import contextlib, io, json, sys, traceback
ends = []
for example in json.load(sys.stdin):
    printed, trace = io.StringIO(), ""
    try:
        with contextlib.redirect_stdout(printed):
            exec(compile(example, "docs/api.md", "exec"), {"__name__": "__main__"})
    except BaseException:
        trace = traceback.format_exc()
    ends.append((printed.getvalue(), trace))
print(json.dumps(ends))
"""
METADATA = {
    "general.architecture": "llama",
    "llama.block_count": 1,
    "llama.embedding_length": 64,
    "llama.attention.head_count": 2,
}
LLAMA_BENCH = {
    "build_commit": "abc",
    "model_filename": "new.gguf",
    "model_type": "llama",
    "n_prompt": 0,
    "n_gen": 128,
    "n_depth": 0,
    "avg_ts": 50.0,
    "stddev_ts": 0.1,
    "samples_ts": [50.0, 50.1, 49.9],
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A folder as the examples have it, and the URL of a server."""
    folder = tmp_path_factory.mktemp("api")
    for name in ("models", "recipes", "my-tasks"):
        (folder / name).mkdir()
    write_gguf(folder / "models" / "new.gguf", METADATA, {"blk.0.ffn_up.weight": ("Q8_0", (64, 64))})
    write_model(folder / "models" / "checkpoint", *gpt_oss(24, 32))
    (folder / "weights.bin").write_bytes(b"no weights")
    recipe = {
        "name": "recipe",
        "engine": "scripted",
        "weights": {"path": str(folder / "weights.bin")},
        "serve": {"environment": {OPTIONS: ""}},
    }
    (folder / "recipes" / "mine.yaml").write_text(json.dumps(recipe))
    repository = folder / "my-repository"
    repository.mkdir()
    (repository / "README").write_text("nothing is tested here\n")
    identity = ("-c", "user.name=me", "-c", "user.email=me@example.org")
    commit = [*identity, "commit", "--allow-empty", "-qm"]
    for words in (["init", "-q"], ["add", "README"], [*commit, "begin"], [*commit, "go on"]):
        subprocess.run(["git", *words], cwd=repository, check=True)
    (folder / "trials").mkdir()
    (folder / "llama-bench.json").write_text(json.dumps([LLAMA_BENCH]))
    with scripted("good") as url:
        yield folder, f"{url}/v1"
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def ends(place: tuple[Path, str], plugin_env: dict[str, str]) -> list[tuple[str, str]]:
    """What each example printed, and its traceback; they run in one process, in the order of the page."""
    folder, url = place
    state = {"XDG_STATE_HOME": str(folder / "state"), "XDG_RUNTIME_DIR": ""}
    done = subprocess.run(
        [sys.executable, "-c", DRIVER],
        input=json.dumps([example.replace(URL, url) for example in EXAMPLES]),
        cwd=folder,
        env={**plugin_env, **state},
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [(printed, trace) for printed, trace in json.loads(done.stdout.splitlines()[-1])]


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_an_example_runs(number: int, ends: list[tuple[str, str]]) -> None:
    assert len(EXAMPLES[number].splitlines()) <= LINES_MAX
    printed, trace = ends[number]
    assert trace == ""
    assert printed


def test_every_public_function_is_on_the_page_with_an_example() -> None:
    for name in onbox.__all__:
        if isinstance(getattr(onbox, name), FunctionType) or name.endswith("Spec"):
            assert any(re.search(rf"\b{name}\b", example) for example in EXAMPLES), name
        elif name != "__version__":
            assert f"`{name}`" in PAGE, name


def test_every_public_function_is_typed_and_says_what_it_does() -> None:
    functions = [getattr(onbox, name) for name in onbox.__all__ if isinstance(getattr(onbox, name), FunctionType)]
    assert len(functions) >= 20
    for function in functions:
        assert function.__doc__, function
        hints = typing.get_type_hints(function)
        assert "return" in hints, function
        wanted = function.__code__.co_varnames[: function.__code__.co_argcount + function.__code__.co_kwonlyargcount]
        assert set(wanted) <= set(hints), function


def test_no_public_name_is_that_of_a_room() -> None:
    rooms = {path.stem for path in (ROOT / "src" / "onbox").iterdir()}
    assert not rooms & set(onbox.__all__)


def test_the_import_alone_brings_nothing() -> None:
    program = "import sys, onbox; print(sorted(n for n in sys.modules if n.startswith('onbox') or n == 'pydantic'))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['onbox']"
