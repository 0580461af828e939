"""An environment for Harbor without a container: bubblewrap over folders of the trial, so that like is held to like.

Runs in Harbor's own Python. Harbor has no local environment of its own; this one does the least that its protocol asks.
"""

import asyncio
import shutil
import tempfile
from pathlib import Path
from typing import override

from harbor.environments.base import BaseEnvironment, ExecResult
from harbor.environments.capabilities import EnvironmentCapabilities

FOLDERS = ("app", "tests", "solution", "logs", "installed-agent", "tmp", "root")
# fmt: off
SYSTEM = (
    "--unshare-user", "--unshare-net", "--unshare-ipc", "--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin",
    "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64", "--ro-bind", "/etc", "/etc",
    "--proc", "/proc", "--dev", "/dev",
    "--clearenv", "--setenv", "PATH", "/usr/bin:/bin", "--setenv", "HOME", "/root", "--setenv", "LANG", "C.UTF-8",
    "--setenv", "TERM", "xterm-256color",
)
# fmt: on


class Process(BaseEnvironment):
    """Commands in bubblewrap. No process namespace: a terminal of terminus-2 must outlive the command that opens it."""

    @staticmethod
    @override
    def type() -> str:
        return "process"

    @property
    @override
    def capabilities(self) -> EnvironmentCapabilities:
        return EnvironmentCapabilities(disable_internet=True)

    @override
    def _validate_definition(self) -> None:
        pass

    @override
    async def start(self, force_build: bool) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="harbor-process-"))
        for folder in FOLDERS:
            (self.root / folder).mkdir()
        for folder in ("agent", "verifier", "artifacts"):
            (self.root / "logs" / folder).mkdir()
        shutil.copytree(self.environment_dir / "app", self.root / "app", dirs_exist_ok=True)

    @override
    async def stop(self, delete: bool) -> None:
        if list((self.root / "tmp").glob("tmux-*")):
            await self.exec("tmux kill-server")
        shutil.rmtree(self.root, ignore_errors=True)

    def _at(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    @override
    async def upload_file(self, source_path: Path | str, target_path: str) -> None:
        self._at(target_path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source_path, self._at(target_path))

    @override
    async def upload_dir(self, source_dir: Path | str, target_dir: str) -> None:
        shutil.copytree(source_dir, self._at(target_dir), dirs_exist_ok=True)

    @override
    async def download_file(self, source_path: str, target_path: Path | str) -> None:
        shutil.copy2(self._at(source_path), target_path)

    @override
    async def download_dir(self, source_dir: str, target_dir: Path | str) -> None:
        shutil.copytree(self._at(source_dir), target_dir, dirs_exist_ok=True)

    @override
    async def exec(
        self,
        command: str,
        cwd: str | None = None,
        env: dict[str, str] | None = None,
        timeout_sec: int | None = None,
        user: str | int | None = None,
    ) -> ExecResult:
        binds = [word for folder in FOLDERS for word in ("--bind", str(self.root / folder), f"/{folder}")]
        given = [word for name, value in (env or {}).items() for word in ("--setenv", name, value)]
        process = await asyncio.create_subprocess_exec(
            "bwrap", *SYSTEM, *binds, *given, "--chdir", cwd or "/app", "bash", "-c", command,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        stdout, stderr = await asyncio.wait_for(process.communicate(), timeout_sec)
        return ExecResult(
            stdout=stdout.decode(errors="replace"),
            stderr=stderr.decode(errors="replace"),
            return_code=process.returncode or 0,
        )
