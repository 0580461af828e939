"""A sandbox in which every command finds the sealed environment of its task, read-only."""

from collections.abc import Mapping
from pathlib import Path

from onbox.bench.sandbox import Bind, Sandbox
from onbox.bench.sandbox.wrapped import WrappedSandbox

ENV = "/env"
MODULES = "/node_modules"
"""Where node looks, whatever folder its program lies in."""


class EquippedSandbox(WrappedSandbox):
    """Another tier, with what a task's tests need beside the system: packages of Python, of node, of go.

    Args:
        tier: where commands run.
        folder: of the environment: `python`, `node_modules` or `go` in it.
    """

    def __init__(self, tier: Sandbox, folder: Path) -> None:
        super().__init__(tier)
        self._binds = {"ENV_DIR": Bind(folder, ENV)}
        if (folder / "node_modules").is_dir():
            self._binds["MODULES_DIR"] = Bind(folder / "node_modules", MODULES)
        place = tier.place(self._binds["ENV_DIR"])
        if (folder / "python").is_dir():
            # Relative to the folder that a command starts in: the project's own code goes before its packages.
            self.env["PYTHONPATH"] = f"src:.:{place}/python"
        if (folder / "go").is_dir():
            self.env |= {"GOMODCACHE": f"{place}/go", "GOFLAGS": "-mod=mod", "GOPROXY": "off"}

    def _bound(self, binds: Mapping[str, Bind]) -> Mapping[str, Bind]:
        return {**self._binds, **binds}
