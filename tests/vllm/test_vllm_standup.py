"""vLLM on the processor, stood up by a recipe: its phases told from its real log, and nothing of it left."""

import os
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from onbox.engines.scrape import gauges
from onbox.engines.vllm import Vllm
from onbox.evidence.records import StandUp
from onbox.recipes import Recipe, Serve, Weights
from onbox.standup.process import Lifetime, port_open
from tests.parts import VLLM_MODEL, VLLM_PYTHON

pytestmark = [pytest.mark.vllm, pytest.mark.slow, pytest.mark.timeout(420)]
SHM = Path("/dev/shm")


def recipe(**arguments: bool | str) -> Recipe:
    return Recipe(
        name="smollm2-vllm",
        engine="vllm",
        weights=Weights(path=str(VLLM_MODEL)),
        serve=Serve(
            context_tokens=2048,
            executable=str(VLLM_PYTHON.with_name("vllm")),
            arguments={"dtype": "bfloat16", **arguments},
            environment={"VLLM_CPU_KVCACHE_SPACE": "1"},
        ),
    )


def family(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def left(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [each for each in processes if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]


@pytest.fixture(scope="module")
def shared_memory_before() -> set[str]:
    return set(os.listdir(SHM))


@pytest.fixture(scope="module")
def eager(tmp_path_factory: pytest.TempPathFactory, shared_memory_before: set[str]) -> Iterator[Lifetime]:
    """One server for the module; the last test stops it."""
    folder = tmp_path_factory.mktemp("eager")
    with Lifetime(recipe(**{"enforce-eager": True}), Vllm(), VLLM_MODEL, folder, patience_s=300) as life:
        yield life


def test_phases_are_told_from_the_real_log(eager: Lifetime) -> None:
    record = StandUp.model_validate_json((eager.folder / "phases.json").read_text())
    names = [phase.name for phase in record.phases]
    assert names == ["start", "load", "finalize", "kv", "ready", "first token"]
    assert record.ready_s == pytest.approx(sum(phase.seconds for phase in record.phases), abs=0.1)
    assert record.engine_version is not None
    assert record.engine_version.startswith("vllm 0.32.0")


def test_it_says_what_it_is_and_counts(eager: Lifetime) -> None:
    with eager.client() as client:
        assert eager.engine.ready(client)
        props = eager.engine.props(client)
        metrics = client.get("/metrics").body().decode()
    assert props["max_model_len"] == 2048
    assert props["version"].startswith("0.32.0")
    assert eager.engine.idle(metrics) == {"vllm:num_requests_running": 0.0, "vllm:num_requests_waiting": 0.0}
    assert gauges(metrics, ("vllm:generation_tokens_total",))["vllm:generation_tokens_total"] >= 1


def test_nothing_of_it_is_left(eager: Lifetime, shared_memory_before: set[str]) -> None:
    assert eager.pid is not None
    processes = family(eager.pid)
    assert len(processes) >= 3  # API server, engine core, worker
    eager.__exit__()
    assert left(processes) == []
    assert not port_open("127.0.0.1", eager.endpoint.port)
    assert set(os.listdir(SHM)) - shared_memory_before == set()
    stopped = StandUp.model_validate_json((eager.folder / "phases.json").read_text()).stopped
    assert stopped is not None
    assert (stopped.how, stopped.process_gone, stopped.port_closed) == ("asked", True, True)
