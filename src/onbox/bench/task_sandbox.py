"""The sandbox of one task: a tier, with the workspace where the task has it and with the task's variables."""

from collections.abc import Mapping
from dataclasses import replace

from onbox.bench.image_layout import WORKDIR
from onbox.bench.sandbox import Bind, Sandbox
from onbox.bench.sandbox.wrapped import WrappedSandbox


class TaskSandbox(WrappedSandbox):
    """A tier whose `/app` is the task's own WORKDIR; see `Sandbox`.

    Args:
        tier: where commands run.
        workdir: where they find the workspace.
        env: variables of all of them.
    """

    def __init__(self, tier: Sandbox, workdir: str = WORKDIR, env: Mapping[str, str] | None = None) -> None:
        super().__init__(tier, env)
        self.workdir = workdir

    def place(self, bind: Bind) -> str:
        """See `Sandbox.place`."""
        return self.tier.place(self._placed(bind))

    def _bound(self, binds: Mapping[str, Bind]) -> Mapping[str, Bind]:
        return {name: self._placed(bind) for name, bind in binds.items()}

    def _placed(self, bind: Bind) -> Bind:
        return replace(bind, target=self.workdir) if bind.target == WORKDIR else bind
