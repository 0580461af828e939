"""The sandbox of one task: a tier, with the workspace where the task has it and with the task's variables."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from onbox.bench.image_layout import WORKDIR
from onbox.bench.sandbox import MEMORY_BYTES, Bind, Completed, Reach, Sandbox, StopSign


class TaskSandbox:
    """A tier whose `/app` is the task's own WORKDIR; see `Sandbox`.

    Args:
        tier: where commands run.
        workdir: where they find the workspace.
        env: variables of all of them.
    """

    def __init__(self, tier: Sandbox, workdir: str = WORKDIR, env: Mapping[str, str] | None = None) -> None:
        self.tier, self.workdir, self.env = tier, workdir, dict(env or {})
        self.name, self.version, self.bounds = tier.name, tier.version, tier.bounds

    def place(self, bind: Bind) -> str:
        """See `Sandbox.place`."""
        return self.tier.place(self._placed(bind))

    def run(
        self,
        argv: Sequence[str],
        *,
        binds: Mapping[str, Bind],
        cwd: str,
        timeout_s: float,
        env: Mapping[str, str] | None = None,
        stdin: bytes = b"",
        output_limit_bytes: int = 65_536,
        reach: Reach | None = None,
        stop: StopSign | None = None,
        memory_bytes: int = MEMORY_BYTES,
        network: bool = False,
    ) -> Completed:
        """See `Sandbox.run`."""
        return self.tier.run(
            argv,
            binds={name: self._placed(bind) for name, bind in binds.items()},
            cwd=cwd,
            timeout_s=timeout_s,
            env={**self.env, **(env or {})},
            stdin=stdin,
            output_limit_bytes=output_limit_bytes,
            reach=reach,
            stop=stop,
            memory_bytes=memory_bytes,
            network=network,
        )

    def _placed(self, bind: Bind) -> Bind:
        return replace(bind, target=self.workdir) if bind.target == WORKDIR else bind
