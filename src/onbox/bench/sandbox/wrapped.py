"""A tier with something of its own in each command: folders, variables."""

from collections.abc import Mapping
from dataclasses import replace

from onbox.bench.sandbox import Bind, CommandResult, CommandSpec, Sandbox


class WrappedSandbox:
    """A tier whose commands all get variables, and binds as `_bound` has them; see `Sandbox`.

    Args:
        tier: where commands run.
        env: variables of all of them; a command's own count more.
    """

    def __init__(self, tier: Sandbox, env: Mapping[str, str] | None = None) -> None:
        self.tier, self.env = tier, dict(env or {})
        self.name, self.version, self.bounds = tier.name, tier.version, tier.bounds

    def place(self, bind: Bind) -> str:
        """See `Sandbox.place`."""
        return self.tier.place(bind)

    def run(self, spec: CommandSpec) -> CommandResult:
        """See `Sandbox.run`."""
        return self.tier.run(replace(spec, binds=self._bound(spec.binds), env={**self.env, **spec.env}))

    def _bound(self, binds: Mapping[str, Bind]) -> Mapping[str, Bind]:
        return binds
