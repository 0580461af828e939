"""Lines of a log that say in which phase of its stand-up an engine is.

A landmark is (phase, regular expression): a line that matches *begins* the phase. Of several that match, the first in
the table counts. Tables of different engines do not contradict each other, so that all of them together read the log of
an engine that nobody named.
"""

import re
from collections.abc import Iterable, Sequence

PHASES = (
    "fetch",
    "unpack",
    "build",
    "start",
    "load",
    "finalize",
    "compile",
    "tune",
    "capture",
    "kv",
    "ready",
    "serving",
)
"""The phases of a stand-up, in their usual order; an engine leaves out those it has no use for."""

Landmark = tuple[str, str]

VLLM: tuple[Landmark, ...] = (
    ("serving", r"Application startup complete"),
    ("ready", r"Starting vLLM (API )?server"),
    ("capture", r"Capturing CUDA graph|Estimated CUDA graph memory"),
    ("tune", r"Autotuning process starts|\[Autotuner\].*start"),
    ("kv", r"Available KV cache memory|KV cache size: |for KV cache on node|Graph capturing finished"),
    ("compile", r"Warming up model for the compilation|Model loading took|Dynamo bytecode transform|Compiling a graph"),
    ("finalize", r"Loading weights took"),
    ("load", r"Starting to load model|Loading safetensors checkpoint shards: +0%|Filesystem type for checkpoints"),
    ("start", r"vLLM (API )?server version|non-default args: |Initializing a V1 LLM engine"),
)
"""vLLM 0.14 to 0.33; 0.32 was seen running, the others are known from their sources and logs."""

LLAMA_SERVER: tuple[Landmark, ...] = (
    ("serving", r"server is listening|llama_server: listening on|onbox: serving on"),
    ("ready", r"(llama_server|main): model loaded|init: model loaded"),
    ("kv", r"load_model: initializing, n_slots|llama_kv_cache|llama threadpool init"),
    ("load", r"load_model: loading model"),
)
"""llama.cpp's server, builds b11434 to b11549."""

SGLANG: tuple[Landmark, ...] = (
    ("serving", r"The server is fired up and ready to roll"),
    ("ready", r"max_total_num_tokens="),
    ("capture", r"Capture cuda graph begin"),
    ("kv", r"Load weight end|Memory pool end"),
    ("load", r"Load weight begin"),
)
"""SGLang 0.5.23, from its source."""

CONTAINERS: tuple[Landmark, ...] = (
    ("unpack", r": Extracting|^Loading layer|Loaded image|extracting sha256:"),
    ("build", r"^Step \d+/\d+ :|^#\d+ \[.*\] (RUN|COPY|FROM)|^STEP \d+"),
    ("fetch", r"Pulling from |Pulling fs layer|: Downloading|Copying blob|Unable to find image .* locally"),
)
"""What docker, podman and skopeo print."""

DOWNLOADS: tuple[Landmark, ...] = (("fetch", r"Fetching \d+ files|Downloading shards|Downloading .*: +\d+%"),)
"""What hub clients print."""

EVERY: tuple[Landmark, ...] = (*VLLM, *LLAMA_SERVER, *SGLANG, *CONTAINERS, *DOWNLOADS)
"""For a log of an engine that nobody named."""


class Landmarks:
    """A table of landmarks, ready to be asked line by line."""

    def __init__(self, table: Iterable[Landmark] = EVERY) -> None:
        self._table: Sequence[tuple[str, re.Pattern[str]]] = [(phase, re.compile(text)) for phase, text in table]

    def phase_of(self, line: str) -> str | None:
        """The phase that this line begins; None for a line like any other."""
        return next((phase for phase, pattern in self._table if pattern.search(line)), None)
