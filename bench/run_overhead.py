"""What a run costs beyond the model's time: workspace, proxy, agent, sandbox, gate, evidence.

A scripted server answers at once, in a process of its own; the built-in agent does a small task again and again, as a
trial does it. The overhead of a run is its wall time less the time during which a request was under way; for each the
median, the tenth and the ninetieth percentile. Beside it stands the processor time of onbox and of the children that it
waited for (not of what a sandbox kills), which a busy box hardly changes. Run it on a quiet box:

    PYTHONPATH=src:. python bench/run_overhead.py [--runs 30] [--task fill-json]
"""

import argparse
import resource
import statistics
import tempfile
import uuid
from pathlib import Path

from tests.e2e.cli import scripted

from onbox.bench.agents import agent_of
from onbox.bench.probing import sandbox_of
from onbox.bench.runner import Bench
from onbox.bench.sandbox.choose import choose
from onbox.bench.tasks import load_tasks
from onbox.evidence.folder import read_lines
from onbox.evidence.records import AgentPlan, Exchange, RunRecord
from onbox.wire.client import StampedClient
from onbox.wire.endpoint import Endpoint
from onbox.wire.proxy import RecordingProxy

WARM_UP = 2


def cpu_s() -> float:
    """Processor time of this process and of those of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def model_s(folder: Path) -> float:
    """Seconds during which a request of the agent was under way."""
    exchanges = [Exchange.model_validate(line) for line in read_lines(folder / "wire.jsonl")]
    return sum((exchange.ended_ns or 0) / 1e9 for exchange in exchanges)


def measured(task_name: str, runs: int, home: Path) -> list[tuple[RunRecord, float, float]]:
    """(record, seconds of the model, processor seconds) of each run, the first two left out."""
    (task,) = load_tasks("builtin", [task_name])
    sandbox, report = sandbox_of(choose().name)
    assert sandbox is not None
    assert report is not None
    with scripted("good", "--tok-s", "5000") as url:
        endpoint = Endpoint.parse(url)

        def alive() -> bool:
            with StampedClient(endpoint, read_timeout_s=5.0) as client:
                return client.get("/v1/models").status is not None

        with RecordingProxy(endpoint) as proxy:
            bench = Bench(
                contender="scripted",
                model="scripted-good",
                sampling={},
                agent=agent_of(AgentPlan(version="1")),
                plan=AgentPlan(version="1"),
                proxy=proxy,
                sandbox=sandbox,
                sandbox_report=report,
                launch_id=uuid.uuid4().hex[:12],
                alive=alive,
            )
            found = []
            for n in range(1, runs + WARM_UP + 1):
                folder = home / str(n)
                used_s = cpu_s()
                record = bench.run(task, "baseline", n, n, folder)
                assert record.gate is not None
                assert record.gate.exit_code == 0, record
                used_s = cpu_s() - used_s
                found.append((record, model_s(folder), used_s))
    return found[WARM_UP:]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--task", default="fill-json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="onbox-overhead-") as scratch:
        found = measured(options.task, options.runs, Path(scratch))
    beyond_ms = [1000 * (record.seconds - model) for record, model, _ in found]
    gate_ms = [1000 * record.gate.seconds for record, _, _ in found if record.gate]
    deciles = statistics.quantiles(beyond_ms, n=10)
    print(f"{options.task}, {len(found)} runs, sandbox {found[0][0].sandbox.name}")
    middle = statistics.median(beyond_ms)
    print(f"beyond the model  median {middle:.0f} ms, 10 to 90 %: {deciles[0]:.0f} to {deciles[-1]:.0f}")
    print(f"of it the gate    median {statistics.median(gate_ms):.0f} ms")
    print(f"processor time    median {1000 * statistics.median(used_s for _, _, used_s in found):.0f} ms")


if __name__ == "__main__":
    main()
