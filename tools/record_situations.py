"""Make the recordings of `src/onbox/watch/recordings` again: real situations whose truth is known, seen by the watcher.

Run `PYTHONPATH=. .venv/bin/python tools/record_situations.py FOLDER [NAME ...]`. Those with docker need root, docker.io
and docker-registry of Debian; those with vLLM the part `vllm` of `.ci/parts`, those with a GPU one. A situation that
hangs says "stalls now" in its log at the moment it does, so that the recording knows when.
"""

import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path

from tools.situations import SITUATIONS, STALLS, Situation

from onbox.watch.collect import Collector, Target
from onbox.watch.logs import PipeLog
from onbox.watch.machine import cache_folders
from onbox.watch.phases import phase_of_command
from onbox.watch.recording import Header, Recorder
from onbox.watch.watcher import Tracker, Watcher


def record(name: str, situation: Situation, path: Path) -> None:
    """Carry a situation out and record it."""
    with ExitStack() as stack:
        command, environment = situation.begin(stack)
        reading, writing = os.pipe()
        # Whoever stalls outside the command (a server) says so on our stdout; it belongs into the log as well.
        kept = os.dup(1)
        os.dup2(writing, 1)
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=writing, stderr=writing, start_new_session=True,
            env={**os.environ, **environment},
        )  # fmt: skip
        stack.callback(_end, child)
        target = Target(
            pids=(child.pid,), log=PipeLog(reading), caches=cache_folders(), phase=phase_of_command(tuple(command)),
            exit_code=child.poll,
        )  # fmt: skip
        temporary = path.with_name(f"{path.name}.part.gz")
        recorder = Recorder(temporary, Header(title=name))
        watcher = Watcher(Collector(target), Tracker(), recorder)
        start, stalled, states = time.monotonic(), None, []
        try:
            while time.monotonic() - start < situation.for_s:
                verdict, sample = watcher.tick()
                if STALLS in sample.log:
                    stalled = round(sample.t_ns / 1e9, 1)
                states.append((round(verdict.t_s), str(verdict.state), verdict.phase))
                if sample.ended:
                    break
                time.sleep(1.0)
        finally:
            os.dup2(kept, 1)
            os.close(kept)
            os.close(writing)
            watcher.close()
    _with_header(temporary, path, Header(title=name, truth=situation.truth, stalled_s=stalled, note=situation.note))
    changes = [state for last, state in zip([None, *states], states, strict=False) if not last or last[1:] != state[1:]]
    print(f"{name}: {situation.truth}: {changes}; {path.stat().st_size} bytes", flush=True)


def _with_header(source: Path, target: Path, header: Header) -> None:
    """The same samples under the header that is known only at the end."""
    from onbox.watch.recording import WatchRecording

    with Recorder(target, header) as recorder:
        for sample in WatchRecording(source):
            recorder.write(sample)
    source.unlink()


def _end(child: "subprocess.Popen[bytes]") -> None:
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def main() -> None:
    folder = Path(sys.argv[1])
    here = [name for name in SITUATIONS if not name.startswith("gpu-") or Path("/dev/nvidiactl").exists()]
    for name in sys.argv[2:] or here:
        record(name, SITUATIONS[name], folder / f"{name}.jsonl.gz")


if __name__ == "__main__":
    main()
