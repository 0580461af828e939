"""A tier with something of its own in each command: folders, variables."""

from collections.abc import Mapping, Sequence

from onbox.bench.sandbox import MEMORY_BYTES, Bind, CommandResult, Reach, Sandbox, StopSign


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
    ) -> CommandResult:
        """See `Sandbox.run`."""
        return self.tier.run(
            argv,
            binds=self._bound(binds),
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

    def _bound(self, binds: Mapping[str, Bind]) -> Mapping[str, Bind]:
        return binds
