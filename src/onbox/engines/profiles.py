"""What judge reads of the engines that come with onbox: profiles, where evidence recorded none, and load generators."""

from onbox.engines.llama.profile import PROFILE as LLAMA
from onbox.engines.ollama.profile import PROFILE as OLLAMA
from onbox.engines.sglang.bench import BENCH as SGLANG_BENCH
from onbox.engines.sglang.profile import PROFILE as SGLANG
from onbox.engines.tensorrt.profile import PROFILE as TENSORRT
from onbox.engines.vllm.bench import BENCH as VLLM_BENCH
from onbox.engines.vllm.profile import PROFILE as VLLM
from onbox.schema.bench_tools import BenchTool
from onbox.schema.engine_profile import EngineProfile

BUILTIN: tuple[EngineProfile, ...] = (LLAMA, VLLM, SGLANG, TENSORRT, OLLAMA)
"""In the order in which their counters and times are looked for."""
BENCH_TOOLS: tuple[BenchTool, ...] = (SGLANG_BENCH, VLLM_BENCH)


def candidates(recorded: EngineProfile | None) -> tuple[EngineProfile, ...]:
    """The profiles to read evidence by: what was recorded with it, then those that come with onbox."""
    return (recorded, *BUILTIN) if recorded else BUILTIN
