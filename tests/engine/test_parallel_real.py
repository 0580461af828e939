"""Two runs at a time by the embedded llama.cpp: it works on both at once, and says so itself."""

import json
import re
from pathlib import Path

import pytest

from onbox import recipes
from onbox.engines.llama.embedded import LlamaEmbedded
from onbox.evidence.folder import TrialFolder
from onbox.evidence.records import Exchange, StandUp
from onbox.fetch import pinned
from onbox.launch.lifetime import Lifetime
from tests.e2e.cli import onbox, verdict_of

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(300)]
CONTEXT = 4096


def trial_file(path: Path) -> Path:
    recipe = recipes.load("smollm2-135m").model_dump(mode="json")
    recipe["serve"]["context_tokens"] = CONTEXT
    file = {
        "contenders": [recipe],
        "task_names": ["fill-json"],
        "runs": 4,
        "parallel": 2,
        "speed": {"requests": 2, "tokens": 32, "warmup_requests_max": 1},
        # Cut off at their length, answers are not asked again.
        "limits": {"turns": 1, "turn_tokens": 40, "wall_s": 60},
    }
    path.write_text(json.dumps(file))
    return path


def answering(exchange: Exchange) -> tuple[int, int]:
    """When the first and the last token of an answer came, on the monotonic clock."""
    return exchange.t0_ns + exchange.chunks[0][0], exchange.t0_ns + exchange.chunks[-1][0]


def busy_slots(metrics: Path) -> float:
    """Slots that llama.cpp computed for in a step, on average since its start."""
    found = re.search(r"^llamacpp:n_busy_slots_per_decode ([\d.]+)", metrics.read_text(), re.MULTILINE)
    assert found is not None
    return float(found[1])


def test_two_at_a_time_are_batched(tmp_path: Path) -> None:
    out = tmp_path / "trial"
    done = onbox("trial", trial_file(tmp_path / "trial.yaml"), "--out", out, timeout_s=250)
    assert done.returncode == 0, done.stderr
    folder = TrialFolder.open(out)
    up = folder.read(StandUp, out / "smollm2-135m/standup/phases.json")
    # Each of two runs has the context that the recipe gives to one.
    assert (up.props["total_slots"], up.props["n_ctx"]) == (2, CONTEXT)

    runs = folder.runs("smollm2-135m")
    assert [run.beside for run in runs] == [1] * 4
    spans = []
    for run in runs:
        wire = folder.exchanges(folder.run_folder(run.contender, run.task, run.arm, run.n) / "wire.jsonl")
        spans += [answering(exchange) for exchange in wire if exchange.purpose == "agent" and exchange.chunks]
    overlaps = [
        min(end, other_end) - max(start, other)
        for n, (start, end) in enumerate(spans)
        for other, other_end in spans[n + 1 :]
        if min(end, other_end) > max(start, other)
    ]
    assert overlaps, "no two answers were written at the same time"
    # The engine's own word: both slots had work, and the steps of two requests at a time held two.
    log = (out / "smollm2-135m/standup/engine.log").read_text()
    assert {"0", "1"} <= set(re.findall(r"slot +\w+: id +(\d+)", log))
    at_two = out / "smollm2-135m/speed/1/at-2"
    assert busy_slots(at_two / "metrics-after.prom") > 1.0

    (contender,) = verdict_of(out)["contenders"]
    cells = {cell["profile"]["concurrency"]: cell for cell in contender["speed"]["cells"]}
    assert set(cells) == {1, 2}
    assert onbox("verify", out).returncode == 0


def test_more_than_the_server_has_room_for_is_refused(tmp_path: Path) -> None:
    recipe = recipes.load("smollm2-135m")
    assert recipe.weights is not None
    weights, _ = pinned.fetch(recipe.weights, lambda done, total, source: None)
    recipe = recipe.model_copy(update={"serve": recipe.serve.model_copy(update={"sequences": 2})})
    with Lifetime(recipe, LlamaEmbedded(), weights, tmp_path / "standup") as life:
        done = onbox("bench", life.endpoint.api, "--parallel", 3, "--task", "fill-json", "--out", tmp_path / "bench")
    assert done.returncode == 3
    error, hint = done.stderr.splitlines()[-2:]
    assert error.endswith(": 3 runs at a time, but the server has room for 2")
    assert "--parallel 3" in hint
    assert not list((tmp_path / "bench").glob("*/runs/*"))
