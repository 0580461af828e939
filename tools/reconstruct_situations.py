"""Write down incidents as recordings: run `PYTHONPATH=. .venv/bin/python tools/reconstruct_situations.py FOLDER`.

They happened on boxes that this project does not have, so their samples are reconstructed from what was reported: the
log lines, the memory, the power, the times. Whatever was not reported is filled in the way that makes it hardest to
judge, and the note of each recording says what that is.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from onbox.watch.recording import Header, Recorder
from onbox.watch.samples import Gpu, Machine, Process, Threads, TokenCounts, WatchSample

GIB = 1 << 30
TOTAL = int(121.69 * GIB)
"""MemTotal of a DGX Spark."""


def engine(cpu_s: float, faults: int, rss_gib: float, calls: int = 4000) -> Process:
    """The engine's core process."""
    return Process(
        900, "VLLM::EngineCor", "own", "R", round(cpu_s, 2), faults, 210, int(rss_gib * GIB), 0, 0, calls, calls
    )


def box(available_gib: float, at_s: float, stalled_s: float = 0.0) -> Machine:
    """The box, with nothing else going on."""
    return Machine(int(available_gib * GIB), TOTAL, 0.0, 0.0, round(stalled_s, 2), 0, 0)


def sample(at_s: float, **fields: object) -> WatchSample:
    return WatchSample(t_ns=int(at_s * 1e9), **fields)  # type: ignore[arg-type]


def capture_hang() -> Iterator[WatchSample]:
    """The original story: a last line at 06:58:05, exit code 255 at 07:42:51, and nothing in between."""
    lines = {
        0: "vLLM API server version 0.14.0",
        20: "Initializing a V1 LLM engine (v0.14.0) with config: model='openai/gpt-oss-120b', enforce_eager=False",
        30: "Starting to load model openai/gpt-oss-120b...",
        38: "Using MoEPrepareAndFinalizeNoDPEPModular",
    }
    last, end = 38, 38 + 2686
    for at in [*range(0, 300, 2), *range(300, end, 20), end]:
        working = min(at, last)
        yield sample(
            at,
            processes=(engine(working * 0.9 + (at - working) * 0.98, working * 900, 0.4 + working * 0.03),),
            births=3,
            machine=box(100 - working * 1.2, at),
            gpus=(Gpu(0, 11.0 if at < 30 else 21.0, 2400.0, int(working * 0.5 * GIB)),),
            log=(lines[at],) if at in lines else (),
            log_bytes=at and 400,
            ended=at == end,
            exit_code=255 if at == end else None,
        )


def wedged_server() -> Iterator[WatchSample]:
    """eugr/spark-vllm-docker#260: everything is green, a request runs, and no token comes."""
    for at in range(0, 400, 2):
        frozen = max(0, at - 60)
        done = 1000 + min(at, 60) * 50
        yield sample(
            at,
            phase="serving" if at == 0 else None,
            processes=(engine(min(at, 60) * 0.6 + frozen / 300, min(at, 60) * 300, 2.1),),
            births=3,
            machine=box(38, at),
            gpus=(Gpu(0, 45.0 if at < 60 else 13.0 + at % 14, 2400.0, 77 * GIB),),
            tokens=TokenCounts(1.0, 0.0, done),
            log=("Application startup complete.",) if at == 0 else (),
            log_bytes=30,
        )


def marlin() -> Iterator[WatchSample]:
    """MARLIN repacks the weights right after the load: 44 GiB free become 3 in five seconds, past every cap."""
    lines = {
        0: "vLLM server version 0.33.0, serving model openai/gpt-oss-120b",
        4: "Starting to load model openai/gpt-oss-120b...",
        5: "Using 'MARLIN' Mxfp4 MoE backend.",
        40: "Loading weights took 35.10 seconds",
    }
    ticks = [*(n / 2 for n in range(80)), *(n / 10 for n in range(400, 480)), *(n / 2 for n in range(96, 128))]
    for at in ticks:
        loaded = min(max(at - 4, 0), 36) / 36 * 61
        extra = min(max(at - 41, 0), 5) / 5 * 41
        yield sample(
            at,
            processes=(engine(at * 0.9, int(at * 3000), 2 + min(at, 46) * 0.02),),
            births=3,
            machine=box(105 - loaded - extra, at, max(0.0, at - 46) * 0.4),
            gpus=(Gpu(0, 20.0 if at < 41 else 31.0, 2400.0, int((loaded + extra) * GIB)),),
            log=(lines[int(at)],) if at in lines else (),
            log_bytes=100,
        )


def silent_jit() -> Iterator[WatchSample]:
    """FlashInfer compiles its kernels on a cold cache: three and a half minutes without a line (vllm#52682)."""
    lines = {
        0: "Starting to load model openai/gpt-oss-120b...",
        30: "Loading weights took 29.80 seconds",
        32: "Model loading took 61.3380 GiB memory and 31.2 seconds",
        245: "Available KV cache memory: 19.18 GiB",
        250: "Application startup complete.",
    }
    for at in range(0, 256, 2):
        compiling = 33 <= at < 243
        done = max(0, min(at, 243) - 33)
        jobs = tuple(
            Process(1000 + n, name, "own", "R", round(done % 40 * 0.9, 2), done % 40 * 40_000, 1,
                    int((0.2 + done % 40 * 0.12) * GIB), 0, 0, 9000, 400)
            for n, name in enumerate(("ninja", "nvcc", "cicc", "cicc"))
        )  # fmt: skip
        reaped = done // 40
        loading = min(at, 33)
        core = engine(loading * 0.9 + done * 0.005 + reaped * 70, loading * 3000 + reaped * 3_200_000, 2.0)
        yield sample(
            at,
            processes=(core, *(jobs if compiling else ())),
            births=3 + done // 10,
            machine=box(44, at),
            gpus=(Gpu(0, 12.0, 2400.0, int(min(at, 30) / 30 * 61 * GIB)),),
            log=(lines[at],) if at in lines else (),
            log_bytes=100,
        )  # fmt: skip


def asleep_in_kv() -> Iterator[WatchSample]:
    """A start that waits for another rank for ever: every thread sleeps, and the log repeats one warning."""
    for at in range(0, 420, 2):
        beats = at % 60 == 0 and at > 0
        first = ("Model loading took 16.2 GiB memory and 12.1 seconds",) if at == 4 else ()
        beat = (
            ("No available shared memory broadcast block found in 60 seconds. This typically happens when",)
            if beats
            else ()
        )
        yield sample(
            at,
            processes=(engine(min(at, 6) * 0.9, min(at, 6) * 4000, 2.0)._replace(state="S"),),
            births=3,
            threads=Threads(210, 0, 0, 40_000 + at * 30, "futex_do_wait") if at % 6 == 0 else None,
            machine=box(80, at),
            log=first or beat,
            log_bytes=100,
        )


INCIDENTS = {
    "incident-capture-hang": (
        Header(
            title="44 silent minutes at graph capture", made="reconstructed", truth="hung", stalled_s=38.0,
            note="Known: the last line, its time, exit code 255 after 44:46. Assumed: one core in a circle, 21 W.",
        ),
        capture_hang,
    ),
    "incident-wedged-server": (
        Header(
            title="eugr/spark-vllm-docker#260", made="reconstructed", truth="hung", stalled_s=60.0,
            note="Known: 13 to 27 W, a running request, frozen counters, 1 s of processor in 5 min, /health green.",
        ),
        wedged_server,
    ),
    "incident-marlin": (
        Header(
            title="MARLIN takes 41 GiB in five seconds", made="reconstructed", truth="starved",
            note="Known: 44 to 3 GiB in about 5 s after the load. Assumed: 40 % memory stalls at the end.",
        ),
        marlin,
    ),
    "incident-silent-jit": (
        Header(
            title="FlashInfer compiles for 3.5 silent minutes", made="reconstructed", truth="healthy",
            note="Known: the silence, its length, the compilers. Their rates are those measured for nvcc here.",
        ),
        silent_jit,
    ),
    "incident-silent-rank": (
        Header(
            title="A start that waits for another rank for ever", made="reconstructed", truth="hung", stalled_s=6.0,
            note="Known: the warning of vLLM, once a minute. Assumed: 30 context switches a second.",
        ),
        asleep_in_kv,
    ),
}  # fmt: skip


def main() -> None:
    folder = Path(sys.argv[1])
    for name, (header, samples) in INCIDENTS.items():
        with Recorder(folder / f"{name}.jsonl.gz", header) as recorder:
            for each in samples():
                recorder.write(each)


if __name__ == "__main__":
    main()
