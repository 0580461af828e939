"""The tiers that are asked for by name: a container of docker or podman for each command.

Without a task's own image the container shows the box's system, read-only, as bubblewrap does: its image is empty but
for links, made here without a registry. A task whose Dockerfile does more than copy brings its own image.
"""

import hashlib
import io
import os
import shutil
import subprocess
import tarfile
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from onbox.bench.sandbox import MEMORY_BYTES, Bind, Completed, Reach, StopSign
from onbox.bench.sandbox.attend import attend, end_with, open_pidfd
from onbox.bench.sandbox.interior import (
    FILE_BYTES,
    PROCESSES,
    SCRATCH_BYTES,
    bridged,
    environment,
    in_shell,
    interpreter,
    interpreter_folders,
    refusal,
)
from onbox.errors import BoxError

BOX_IMAGE = "onbox/box"
"""Shows the box's own system; its tag says what is in it."""
_HOME, _TOOLS, _PROXY = "/home/agent", "/.onbox", "/.proxy"
_LABEL = "onbox.owner"
_QUICK_S = 60.0
_FAILED_TO_START = (125, 126, 127)
_SYSTEM = ("bin", "sbin", "lib", "lib32", "lib64")
_ETC = {
    "passwd": "root:x:0:0:root:/root:/bin/sh\nagent:x:1000:1000:agent:/home/agent:/bin/sh\n",
    "group": "root:x:0:\nagent:x:1000:\n",
}


class Container:
    """No network, no capabilities, a read-only root, and only the binds, /tmp and the home to write.

    Memory is not bounded. When the command ends the container ends with all that it started. A kill -9 of onbox leaves
    the container of that moment behind; the next onbox of this box removes it.

    Args:
        program: `docker` or `podman`.
        image: of a task; None shows the box's own system. A task's image must hold `sh` and `bash`, and for the tool
            `grep` of the built-in agent `python3`.

    Raises:
        BoxError: the program is not installed, or no daemon answers.
    """

    def __init__(self, program: str, image: str | None = None) -> None:
        self.name = program
        found = shutil.which(program)
        if found is None:
            raise BoxError(
                f"{program} is not installed", f"apt install {'docker.io' if program == 'docker' else program}"
            )
        self._program = found
        self.version = self.ask("version", "--format", "{{.Client.Version}}")
        self._own = image is not None
        if image is None:
            self._sweep()
            data = _box_image()
            image = f"{BOX_IMAGE}:{hashlib.sha256(data).hexdigest()[:12]}"
            if not self.has(image):
                self.ask("import", "-", image, stdin=data)
        self._image = image

    def of_image(self, image: str) -> "Container":
        """The same tier with a task's image."""
        return Container(self.name, image)

    def has(self, image: str) -> bool:
        """Whether an image is on this box."""
        return not self._call("image", "inspect", image).returncode

    def ask(self, *words: str, stdin: bytes = b"", timeout_s: float = _QUICK_S) -> str:
        """Run the program; what it printed.

        Raises:
            BoxError: it failed; the message is its last line.
        """
        done = self._call(*words, stdin=stdin, timeout_s=timeout_s)
        if done.returncode:
            lines = done.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"]
            raise BoxError(f"{self.name} {words[0]}: {lines[-1]}", f"{self.name} info")
        return done.stdout.decode(errors="replace").strip()

    def place(self, bind: Bind) -> str:
        """See `Sandbox.place`."""
        return bind.target

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
    ) -> Completed:
        """See `Sandbox.run`."""
        if refused := refusal(argv, env):
            return refused
        name = f"onbox-{uuid.uuid4().hex}"
        with ExitStack() as stack:
            cidfile = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="onbox-")), "cid")
            command = [
                *(self._program, "run", "--rm", "--interactive", "--pull", "never", "--name", name),
                *("--label", f"{_LABEL}={os.getpid()}", "--cidfile", str(cidfile)),
                *self._walls(),
                *self._mounts(binds, reach),
                *self._variables(binds, env or {}),
                *("--workdir", binds[cwd].target, "--entrypoint", "/bin/sh", self._image),
                *_script(argv, reach),
            ]
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            end_with(stack, process)
            stack.callback(self._end, process, name)
            heard = attend(
                process,
                tree_fd=open_pidfd(stack, process.pid),
                kill=lambda: self._end(process, name),
                stdin=stdin,
                timeout_s=timeout_s,
                output_limit_bytes=output_limit_bytes,
                stop=stop,
            )
            code = process.wait()
            started = cidfile.is_file() and cidfile.stat().st_size > 0
        if heard.timed_out:
            return Completed(None, heard.output, heard.truncated, heard.seconds)
        said = heard.output.decode(errors="replace")
        if code in _FAILED_TO_START and (not started or said.startswith((f"{self.name}: Error", "Error: "))):
            raise BoxError(f"{self.name} did not start: {said.strip().rpartition(chr(10))[2] or 'it said nothing'}")
        return Completed(code, heard.output, heard.truncated, heard.seconds)

    def _walls(self) -> Iterator[str]:
        yield from ("--network", "none", "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")
        yield from ("--user", f"{os.getuid()}:{os.getgid()}", "--hostname", "sandbox", "--ipc", "private")
        yield from ("--pids-limit", str(PROCESSES), "--ulimit", "core=0", "--ulimit", f"fsize={FILE_BYTES}")
        yield from ("--ulimit", "nofile=1024:4096")
        for scratch in ("/tmp", "/run", _HOME):
            yield from ("--tmpfs", f"{scratch}:rw,exec,nosuid,nodev,mode=1777,size={SCRATCH_BYTES}")

    def _mounts(self, binds: Mapping[str, Bind], reach: Reach | None) -> Iterator[str]:
        shown: list[Bind] = []
        if not self._own:
            folders = [Path("/usr"), *(Path("/", name) for name in _SYSTEM if not Path("/", name).is_symlink())]
            folders += [Path("/etc/alternatives"), Path("/etc/ssl"), *interpreter_folders()]
            shown += [Bind(folder, str(folder)) for folder in folders if folder.is_dir()]
        if reach is not None:
            shown.append(Bind(reach.socket.parent, _PROXY))
        for bind in (*shown, *binds.values()):
            mode = "" if bind.writable else ",readonly"
            yield from ("--mount", f"type=bind,source={bind.path.resolve()},target={bind.target}{mode}")

    def _variables(self, binds: Mapping[str, Bind], env: Mapping[str, str]) -> Iterator[str]:
        own = environment(path=[_TOOLS, str(interpreter().parent)], home=_HOME, tmp="/tmp")
        if self._own:
            own.pop("PATH")
        for name, value in {**own, **env, **{name: bind.target for name, bind in binds.items()}}.items():
            yield from ("--env", f"{name}={value}")

    def _end(self, process: "subprocess.Popen[bytes]", name: str) -> None:
        """Remove the container, if its client still waits for it."""
        if process.poll() is None:
            self._call("rm", "--force", name)

    def _sweep(self) -> None:
        """Remove the containers of an onbox that is gone."""
        for line in self.ask("ps", "--all", "--format", f'{{{{.ID}}}} {{{{.Label "{_LABEL}"}}}}').splitlines():
            container, _, owner = line.partition(" ")
            if owner.isdecimal() and not Path("/proc", owner).exists():
                self._call("rm", "--force", container)

    def _call(
        self, *words: str, stdin: bytes = b"", timeout_s: float = _QUICK_S
    ) -> "subprocess.CompletedProcess[bytes]":
        with suppress(subprocess.TimeoutExpired):
            return subprocess.run(
                [self._program, *words], input=stdin, capture_output=True, timeout=timeout_s, check=False
            )
        raise BoxError(f"{self.name} {words[0]}: no answer within {timeout_s:g} s", f"{self.name} info")


def _script(argv: Sequence[str], reach: Reach | None) -> list[str]:
    """What the shell of the container is told: `argv`, its two outputs in one, so that they stay in order."""
    words = list(argv)
    if reach is not None:
        # A task's image has its own python3, at a place of its own.
        words = ["python3", *bridged(in_shell(argv), reach.port, f"{_PROXY}/{reach.socket.name}")[1:]]
    # Not by exec: the first process of a container is deaf to signals that it does not handle.
    return ["-c", '"$@" 2>&1; exit $?', "sh", *words]


def _box_image() -> bytes:
    """A tar of folders to mount on, the links of the box's root, and a few names of users."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        folders = ("tmp", "run", "proc", "sys", "dev", "etc", "usr", "home", "home/agent", "root", _TOOLS.strip("/"))
        for name in folders:
            tar.addfile(_entry(name, tarfile.DIRTYPE))
        for name in _SYSTEM:
            path = Path("/", name)
            if path.is_symlink():
                tar.addfile(_entry(name, tarfile.SYMTYPE, link=str(path.readlink())))
            elif path.is_dir():
                tar.addfile(_entry(name, tarfile.DIRTYPE))
        for name in ("python3", "python"):
            tar.addfile(_entry(f"{_TOOLS.strip('/')}/{name}", tarfile.SYMTYPE, link=str(interpreter())))
        for name, text in _ETC.items():
            tar.addfile(_entry(f"etc/{name}", tarfile.REGTYPE, size=len(text)), io.BytesIO(text.encode()))
    return data.getvalue()


def _entry(name: str, kind: bytes, *, link: str = "", size: int = 0) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname, entry.size = kind, link, size
    entry.mode = 0o755 if kind != tarfile.REGTYPE else 0o644
    return entry
