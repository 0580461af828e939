"""vLLM on the processor, stood up by a recipe: its phases told from its real log, and nothing of it left."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from onbox.engines.scrape import gauges
from onbox.engines.vllm.engine import Vllm
from onbox.errors import BoxError
from onbox.evidence.records import StandUp
from onbox.launch.lifetime import Lifetime
from onbox.launch.ports import port_open
from onbox.recipes import Recipe, Serve, Weights
from onbox.watch.recording import WatchRecording
from onbox.watch.watcher import Tracker
from tests.parts import VLLM_MODEL, VLLM_PYTHON

pytestmark = [pytest.mark.vllm, pytest.mark.slow, pytest.mark.timeout(420)]


def served(arguments: dict[str, bool | str] | None = None, **environment: str) -> Recipe:
    return Recipe(
        name="smollm2-vllm",
        engine="vllm",
        weights=Weights(path=str(VLLM_MODEL)),
        serve=Serve(
            context_tokens=2048,
            executable=str(VLLM_PYTHON.with_name("vllm")),
            arguments={"dtype": "bfloat16", **(arguments or {})},
            environment={"VLLM_CPU_KVCACHE_SPACE": "1", **environment},
        ),
    )


def family(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def left(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [each for each in processes if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]


def shared_memory(processes: list[psutil.Process]) -> set[Path]:
    """Files of /dev/shm that these processes have open or mapped; others may use that folder too."""
    found: set[Path] = set()
    for process in processes:
        with suppress(OSError):
            lines = Path(f"/proc/{process.pid}/maps").read_text().splitlines()
            found |= {Path(line.split()[5]) for line in lines if "/dev/shm/" in line and not line.endswith("(deleted)")}
    return found


@pytest.fixture(scope="module")
def eager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lifetime]:
    """One server for the module; the last test stops it."""
    folder = tmp_path_factory.mktemp("eager")
    with Lifetime(served({"enforce-eager": True}), Vllm(), VLLM_MODEL, folder, patience_s=300) as life:
        yield life


def test_phases_are_reported_from_the_real_log(eager: Lifetime) -> None:
    record = StandUp.model_validate_json((eager.folder / "phases.json").read_text())
    names = [phase.name for phase in record.phases]
    assert names == ["start", "load", "finalize", "kv", "ready", "first token"]
    assert record.ready_s == pytest.approx(sum(phase.seconds for phase in record.phases), abs=0.1)
    assert record.engine_version is not None
    assert record.engine_version.startswith("vllm 0.32.0")


def test_the_watch_saw_it_get_on_and_how_much_memory_it_took(eager: Lifetime) -> None:
    tracker, states = Tracker(), set()
    for sample in WatchRecording(eager.folder / "samples.jsonl"):
        states.add(str(tracker.take(sample).state))
    assert states <= {"progressing", "slow", "suspect", "done"}
    assert [lap.name for lap in tracker.laps][:3] == ["start", "load", "finalize"]
    record = StandUp.model_validate_json((eager.folder / "phases.json").read_text())
    held = [phase.peak_bytes or 0 for phase in record.phases]
    assert held[-1] > held[0] > 100_000_000


def test_it_says_what_it_is_and_counts(eager: Lifetime) -> None:
    with eager.client() as client:
        assert eager.engine.ready(client)
        props = eager.engine.props(client)
        metrics = client.get("/metrics").body().decode()
    assert props["max_model_len"] == 2048
    assert props["version"].startswith("0.32.0")
    idle = eager.engine.idle(metrics)
    assert (idle["vllm:num_requests_running"], idle["vllm:num_requests_waiting"]) == (0.0, 0.0)
    assert idle["vllm:generation_tokens_total"] >= 1
    assert gauges(metrics, ("vllm:generation_tokens_total",))["vllm:generation_tokens_total"] >= 1


def test_nothing_of_it_is_left(eager: Lifetime) -> None:
    assert eager.pid is not None
    processes = family(eager.pid)
    assert len(processes) >= 3  # API server, engine core, worker
    segments = shared_memory(processes)
    assert segments
    eager.__exit__()
    assert left(processes) == []
    assert not port_open("127.0.0.1", eager.endpoint.port)
    assert [path for path in segments if path.exists()] == []
    stopped = StandUp.model_validate_json((eager.folder / "phases.json").read_text()).stopped
    assert stopped is not None
    assert (stopped.how, stopped.process_gone, stopped.port_closed) == ("asked", True, True)


@pytest.mark.skipif(not os.environ.get("ONBOX_LONG"), reason="takes two minutes of compiling; ONBOX_LONG=1 runs it")
def test_a_compile_is_a_phase_of_its_own(tmp_path: Path) -> None:
    recipe = served(VLLM_CACHE_ROOT=str(tmp_path / "cache"))
    with Lifetime(recipe, Vllm(), VLLM_MODEL, tmp_path / "life", patience_s=400) as life:
        processes = family(life.pid or 0)
    record = StandUp.model_validate_json((tmp_path / "life" / "phases.json").read_text())
    seconds = {phase.name: phase.seconds for phase in record.phases}
    assert list(seconds) == ["start", "load", "finalize", "compile", "kv", "ready", "first token"]
    assert seconds["compile"] == max(seconds.values())
    assert left(processes) == []


def test_a_wrong_option_is_named_before_anything_starts(tmp_path: Path) -> None:
    recipe = served(arguments={"mxfp4-backend": "CUTLASS"})
    with (
        pytest.raises(BoxError, match=r"not known: mxfp4-backend") as caught,
        Lifetime(recipe, Vllm(), VLLM_MODEL, tmp_path, patience_s=120),
    ):
        pass
    assert caught.value.next_step
    assert not (tmp_path / "engine.log").exists()
