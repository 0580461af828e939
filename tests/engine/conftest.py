"""Real engines that several test modules share: each is started once, when the first test asks for it.

They end with the last test of this folder: what comes after is not to share the box with them.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest

from onbox import recipes
from onbox.engines.llama.embedded import LlamaEmbedded
from onbox.fetch import pinned
from onbox.launch.lifetime import Lifetime
from onbox.launch.ports import free_port
from onbox.recipes import Recipe
from onbox.wire.client import StampedClient
from onbox.wire.endpoint import Endpoint
from tests.parts import VLLM_MODEL, VLLM_PYTHON, require

VLLM_READY_S = 240.0
OWN = "own"
FENCED = "fenced"
Llama = Callable[[str], str]


@pytest.fixture(scope="package")
def vllm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of vLLM on the processor with SmolLM2-135M, called `smollm2`, 2048 tokens, and the parser `hermes`."""
    require("vllm")
    port, log = free_port(), tmp_path_factory.mktemp("vllm") / "engine.log"
    command = [VLLM_PYTHON.with_name("vllm"), "serve", VLLM_MODEL, "--host", "127.0.0.1", "--port", str(port)]
    command += ["--served-model-name", "smollm2", "--enforce-eager", "--dtype", "bfloat16", "--max-model-len", "2048"]
    command += ["--enable-auto-tool-choice", "--tool-call-parser", "hermes"]
    command += ["--enable-per-request-metrics", "--enable-prompt-tokens-details"]
    with log.open("wb") as sink, _stopped(command, sink.fileno()) as server:
        _ready(f"http://127.0.0.1:{port}", server, log)
        _come_last(server.pid)
        yield f"http://127.0.0.1:{port}/v1"


@pytest.fixture(scope="package")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Llama]:
    """Gives the URL of the embedded llama.cpp with Qwen2.5-Coder-0.5B by its template: `own` or `fenced`."""
    require("engine")
    urls: dict[str, str] = {}
    with ExitStack() as running:

        def start(template: str) -> str:
            if template not in urls:
                folder = tmp_path_factory.mktemp(f"llama-{template}")
                urls[template] = str(running.enter_context(Lifetime(*_qwen(template), folder)).endpoint)
            return urls[template]

        yield start


def qwen_recipe(template: str) -> Recipe:
    """Qwen2.5-Coder-0.5B as it comes with onbox, or with its own template, whose calls llama.cpp does not parse."""
    recipe = recipes.load("qwen2.5-coder-0.5b")
    serve = {"threads": 1} if template == FENCED else {"threads": 1, "chat_template": None, "chat_template_name": ""}
    return recipe.model_copy(update={"serve": recipe.serve.model_copy(update=serve)})


def _qwen(template: str) -> tuple[Recipe, LlamaEmbedded, Path]:
    recipe = qwen_recipe(template)
    assert recipe.weights is not None
    weights, _ = pinned.fetch(recipe.weights, lambda done, total, source: None)
    return recipe, LlamaEmbedded(), weights


@contextmanager
def _stopped(command: list[object], output: int) -> Iterator["subprocess.Popen[bytes]"]:
    """A process in a group of its own; the group is gone afterwards.

    It stays in the session: Linux shares processors out between sessions first, whatever their processes' priorities.
    """
    settings = {**os.environ, "VLLM_CPU_KVCACHE_SPACE": "1", "HF_HUB_OFFLINE": "1"}
    server = subprocess.Popen(list(map(str, command)), stdout=output, stderr=output, env=settings, process_group=0)
    try:
        yield server
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def _come_last(server: int) -> None:
    """vLLM's scheduler and its worker each spin on a processor; on a box of two, what sends the tokens and what reads
    them would wait for one until a reply is over. The two that spin take what the others leave."""
    for process in psutil.Process(server).children(recursive=True):
        os.sched_setscheduler(process.pid, os.SCHED_IDLE, os.sched_param(0))


def _ready(url: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + VLLM_READY_S
    with StampedClient(Endpoint.parse(url)) as client:
        while client.get("/health").status != 200:
            tail = log.read_text(errors="replace")[-2000:]
            assert server.poll() is None, f"vLLM ended: {tail}"
            assert time.monotonic() < deadline, f"vLLM is not ready: {tail}"
            time.sleep(0.5)
