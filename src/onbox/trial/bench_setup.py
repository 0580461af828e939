"""What all runs of one contender share, put together from the plan: on the trial's box as on a node of a cluster."""

from collections.abc import Sequence

from onbox.bench.agents import Agent
from onbox.bench.environments import environment_of
from onbox.bench.instances import Instances
from onbox.bench.quality import References
from onbox.bench.replay import Replayer
from onbox.bench.runner import Bench
from onbox.bench.sandbox import Sandbox
from onbox.bench.tasks import Task
from onbox.evidence.records import ContenderPlan, Plan, SandboxReport
from onbox.launch.lifetime import Lifetime
from onbox.trial.plan import run_seed
from onbox.wire.proxy import RecordingProxy


def make_instances(plan: Plan, tasks: Sequence[Task], instances: Instances, sandbox: Sandbox) -> None:
    """Make all instances and images before the first run: what breaks costs nothing, and making them no run's time.

    Raises:
        OnboxError: a generator broke, or an image could not be built.
    """
    for task in tasks:
        for n in range(1, plan.runs + 1):
            environment_of(instances.of(task, run_seed(plan.seed, task.name, n)), sandbox)


def bench_of(
    plan: Plan,
    contender: ContenderPlan,
    life: Lifetime,
    proxy: RecordingProxy,
    agent: Agent,
    sandbox: tuple[Sandbox, SandboxReport],
    references: References,
    replayed_s: float,
    node: str = "",
) -> Bench:
    """The bench of a contender whose engine is up.

    Args:
        plan: of the trial.
        contender: one of it.
        life: of its engine here.
        proxy: before that engine.
        agent: of the plan.
        sandbox: of the plan, and how it stood its probes here.
        references: how much the tasks' own solutions change.
        replayed_s: of the time for replays, what is not to be spent here.
        node: of the cluster, for the record; empty: the trial's own box.
    """
    return Bench(
        contender=contender.name,
        model=life.model,
        sampling=contender.served.sampling,
        agent=agent,
        plan=plan.agent,
        proxy=proxy,
        sandbox=sandbox[0],
        sandbox_report=sandbox[1],
        launch_id=life.launch_id,
        alive=life.alive,
        references=references,
        replayer=Replayer(life.endpoint, plan.replay, replayed_s),
        treatments={arm.name: arm for arm in plan.treatments},
        node=node,
    )
