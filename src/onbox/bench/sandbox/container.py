"""The tiers that are asked for by name: a container of docker or podman for each command.

Without a task's own image the container shows the box's system, read-only, as bubblewrap does: its image is empty but
for links, made here without a registry. A task whose Dockerfile does more than copy brings its own image.
"""

import hashlib
import os
import subprocess
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from onbox.bench.sandbox import Bind, Bounds, CommandResult, CommandSpec, ReachableServer
from onbox.bench.sandbox.attend import attend, end_with, open_pidfd
from onbox.bench.sandbox.box_image import HOME, NAME, SYSTEM, TOOLS, box_image
from onbox.bench.sandbox.disk_watch import DiskWatch
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
from onbox.box.memory import memory
from onbox.errors import BoxError
from onbox.launch.containers import ContainerClient
from onbox.scratch import scratch_folder

_PROXY = "/.proxy"
_LABEL = "onbox.owner"
_FAILED_TO_START = (125, 126, 127)
_MEMORY_SHARE = 0.5
"""Of the box's memory, what a command may hold at most."""
_OUT_OF_MEMORY = "onbox: out of memory"
_ENDING = f"""
"$@" 2>&1
code=$?
for file in /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control; do
    [ -r $file ] && while read -r name count; do
        case "$name $count" in "oom_kill 0") ;; "oom_kill "*) echo "{_OUT_OF_MEMORY}" >&2 ;; esac
    done < $file
done
exit $code
"""
"""What the container's shell does: run the command, its two outputs in one so that they stay in order, and say on its
own standard error, which is not the command's, whether the kernel killed for want of memory. Not by exec: the first
process of a container is deaf to signals that it does not handle."""


class ContainerSandbox:
    """No network, no capabilities, a read-only root, and only the binds, /tmp and the home to write.

    All processes of a command together hold at most half of the box's memory, without swap; more is the kernel's to
    kill, in the container alone. When the command ends the container ends with all that it started. A kill -9 of onbox
    leaves the container of that moment behind; the next onbox of this box removes it.

    Args:
        program: `docker` or `podman`.
        image: of a task; None shows the box's own system. A task's image must hold `sh` and `bash`, and for the tool
            `grep` of the built-in agent `python3`.

    Raises:
        BoxError: the program is not installed, or no daemon answers.
    """

    def __init__(self, program: str, image: str | None = None) -> None:
        self.name = program
        self.client = ContainerClient(program)
        self.client.require()
        self.version = self.client.ask("version", "--format", "{{.Client.Version}}")
        self.bounds = Bounds(round(_MEMORY_SHARE * memory().total_bytes), "command", PROCESSES)
        self._own = image is not None
        if image is None:
            self._sweep()
            data = box_image()
            image = f"{NAME}:{hashlib.sha256(data).hexdigest()[:12]}"
            if not self.has(image):
                self.client.ask("import", "-", image, stdin=data)
        self._image = image

    def of_image(self, image: str) -> "ContainerSandbox":
        """The same tier with a task's image."""
        return ContainerSandbox(self.name, image)

    def has(self, image: str) -> bool:
        """Whether an image is on this box."""
        return self.client.image(image) is not None

    def place(self, bind: Bind) -> str:
        """See `Sandbox.place`."""
        return bind.target

    def run(self, spec: CommandSpec) -> CommandResult:
        """See `Sandbox.run`."""
        if refused := refusal(spec.argv, spec.env):
            return refused
        name = f"onbox-{uuid.uuid4().hex}"
        with ExitStack() as stack:
            notes = stack.enter_context(scratch_folder("container"))
            cidfile, errors_file = notes / "cid", notes / "said"
            errors = stack.enter_context(errors_file.open("wb"))
            command = [
                *(self.client.program, "run", "--rm", "--interactive", "--pull", "never", "--name", name),
                *("--label", f"{_LABEL}={os.getpid()}", "--cidfile", str(cidfile)),
                *self._walls(spec.memory_bytes, spec.network),
                *self._mounts(spec.binds, spec.reach),
                *self._variables(spec.binds, spec.env),
                *("--workdir", spec.binds[spec.cwd].target, "--entrypoint", "/bin/sh", self._image),
                *_script(spec.argv, spec.reach),
            ]
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=notes,  # conmon leaves a file `oom` where podman was started
                start_new_session=True,
            )
            end_with(stack, process)
            elsewhere = partial(self._layer_bytes, name) if self._own else None
            stack.callback(self._end, process, name)
            heard = attend(
                process,
                spec,
                tree_fd=open_pidfd(stack, process.pid),
                kill=lambda: self._end(process, name),
                disk=DiskWatch([*(bind.path for bind in spec.binds.values() if bind.writable)], process.pid, elsewhere),
            )
            code = process.wait()
            started = cidfile.is_file() and cidfile.stat().st_size > 0
            words = errors_file.read_text("utf-8", "replace").strip()
        out_of_memory = _OUT_OF_MEMORY in words
        if heard.timed_out:
            return CommandResult(None, heard.output, heard.truncated, heard.seconds, out_of_memory, heard.over_disk)
        if code in _FAILED_TO_START and (not started or "Error" in words):
            raise BoxError(f"{self.name} did not start: {words.rpartition(chr(10))[2] or 'it said nothing'}")
        return CommandResult(code, heard.output, heard.truncated, heard.seconds, out_of_memory)

    def _walls(self, memory_bytes: int, network: bool) -> Iterator[str]:
        bound = min(2 * memory_bytes, self.bounds.memory_bytes or memory_bytes)
        yield from ("--network", "host" if network else "none", "--security-opt", "no-new-privileges")
        if not self._own:
            # A task's own image may be written: what is written to it is gone with the container.
            yield "--read-only"
        if not (self._own and network):
            # Package managers, the reason for a network, give files away and become other users.
            yield from ("--cap-drop", "ALL")
        yield from ("--user", f"{os.getuid()}:{os.getgid()}", "--hostname", "sandbox", "--ipc", "private")
        yield from ("--pids-limit", str(PROCESSES), "--ulimit", "core=0", "--ulimit", f"fsize={FILE_BYTES}")
        yield from ("--memory", str(bound), "--memory-swap", str(bound))
        yield from ("--ulimit", "nofile=1024:4096")
        if self.name == "podman":
            # It would raise this one as far as it goes, which a box may refuse.
            yield from ("--ulimit", f"nproc={PROCESSES}:{PROCESSES}")
        for scratch in ("/tmp", "/run", HOME):
            yield from ("--tmpfs", f"{scratch}:rw,exec,nosuid,nodev,mode=1777,size={SCRATCH_BYTES}")

    def _mounts(self, binds: Mapping[str, Bind], reach: ReachableServer | None) -> Iterator[str]:
        shown: list[Bind] = []
        if not self._own:
            folders = [Path("/usr"), *(Path("/", name) for name in SYSTEM if not Path("/", name).is_symlink())]
            folders += [Path("/etc/alternatives"), Path("/etc/ssl"), *interpreter_folders()]
            shown += [Bind(folder, str(folder)) for folder in folders if folder.is_dir()]
        if reach is not None:
            shown.append(Bind(reach.socket.parent, _PROXY))
        for bind in (*shown, *binds.values()):
            mode = "" if bind.writable else ",readonly"
            yield from ("--mount", f"type=bind,source={bind.path.resolve()},target={bind.target}{mode}")

    def _variables(self, binds: Mapping[str, Bind], env: Mapping[str, str]) -> Iterator[str]:
        own = environment(path=[TOOLS, str(interpreter().parent)], home=HOME, tmp="/tmp")
        if self._own:
            own.pop("PATH")
        for name, value in {**own, **env, **{name: bind.target for name, bind in binds.items()}}.items():
            yield from ("--env", f"{name}={value}")

    def _layer_bytes(self, name: str) -> int:
        """What a container has written to its own root; 0 where that is not known."""
        try:
            text = self.client.ask("inspect", "--size", "--format", "{{.SizeRw}}", name)
        except BoxError:
            return 0
        return int(text) if text.isdecimal() else 0

    def _end(self, process: "subprocess.Popen[bytes]", name: str) -> None:
        """Remove the container, if its client still waits for it."""
        if process.poll() is None:
            self._remove(name)

    def _remove(self, name: str) -> None:
        """Kill and remove; podman would ask the container first, and wait."""
        at_once = ("--time", "0") if self.name == "podman" else ()
        self.client.call("rm", "--force", *at_once, name)

    def _sweep(self) -> None:
        """Remove the containers of an onbox that is gone."""
        left = self.client.ask("ps", "--all", "--quiet", "--filter", f"label={_LABEL}").split()
        for container in left:
            # One of another onbox may be gone by now.
            answer = self.client.call("inspect", "--format", f'{{{{index .Config.Labels "{_LABEL}"}}}}', container)
            owner = answer.stdout.decode().strip()
            if owner.isdecimal() and not Path("/proc", owner).exists():
                self._remove(container)


def _script(argv: Sequence[str], reach: ReachableServer | None) -> list[str]:
    """What the shell of the container is told."""
    words = list(argv)
    if reach is not None:
        # A task's image has its own python3, at a place of its own.
        words = ["python3", *bridged(in_shell(argv), reach.port, f"{_PROXY}/{reach.socket.name}")[1:]]
    return ["-c", _ENDING, "sh", *words]
