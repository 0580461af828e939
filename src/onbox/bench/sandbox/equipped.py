"""A sandbox in which every command finds the sealed environment of its task, read-only."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from onbox.bench.sandbox import MEMORY_BYTES, Bind, Completed, Reach, Sandbox, StopSign

ENV = "/env"
MODULES = "/node_modules"
"""Where node looks, whatever folder its program lies in."""


class EquippedSandbox:
    """Another tier, with what a task's tests need beside the system: packages of Python, of node, of go.

    Args:
        tier: where commands run.
        folder: of the environment: `python`, `node_modules` or `go` in it.
    """

    def __init__(self, tier: Sandbox, folder: Path) -> None:
        self._tier = tier
        self.name, self.version, self.bounds = tier.name, tier.version, tier.bounds
        self._binds = {"ENV_DIR": Bind(folder, ENV)}
        self._env: dict[str, str] = {}
        if (folder / "node_modules").is_dir():
            self._binds["MODULES_DIR"] = Bind(folder / "node_modules", MODULES)
        place = tier.place(self._binds["ENV_DIR"])
        if (folder / "python").is_dir():
            # Relative to the folder that a command starts in: the project's own code goes before its packages.
            self._env["PYTHONPATH"] = f"src:.:{place}/python"
        if (folder / "go").is_dir():
            self._env |= {"GOMODCACHE": f"{place}/go", "GOFLAGS": "-mod=mod", "GOPROXY": "off"}

    def place(self, bind: Bind) -> str:
        """See `Sandbox.place`."""
        return self._tier.place(bind)

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
        return self._tier.run(
            argv,
            binds={**self._binds, **binds},
            cwd=cwd,
            timeout_s=timeout_s,
            env={**self._env, **(env or {})},
            stdin=stdin,
            output_limit_bytes=output_limit_bytes,
            reach=reach,
            stop=stop,
            memory_bytes=memory_bytes,
            network=network,
        )
