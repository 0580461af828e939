"""Puts the builtin tasks into the wheel, each assembled to a whole folder."""

import importlib.util
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class AssembleTasks(BuildHookInterface):  # type: ignore[misc, type-arg]
    """Runs when a wheel is built; an editable install loads the tasks from the clone."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the whole tasks, and the libraries that `onbox task new` copies, to what the wheel holds."""
        if version == "editable":
            return
        root = Path(self.root)
        # By its path: what onbox itself needs is not there when it is built.
        spec = importlib.util.spec_from_file_location("assembly", root / "src" / "onbox" / "bench" / "assembly.py")
        assert spec is not None
        assert spec.loader is not None
        assembly = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(assembly)
        self._scratch = tempfile.TemporaryDirectory(prefix="onbox-build-")
        made = Path(self._scratch.name, "suite")
        for toml in sorted((root / "suite").glob("*/task.toml")):
            assembly.assemble(toml.parent, made / toml.parent.name)
        for library in (root / "suite" / assembly.LIBRARIES).glob("*.*"):
            target = made / assembly.LIBRARIES / library.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(library, target)
        build_data["force_include"][str(made)] = "onbox/bench/suite"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """The wheel is written."""
        if version != "editable":
            self._scratch.cleanup()
