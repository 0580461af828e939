"""All that others need to know of TensorRT-LLM's server."""

from onbox.engines.base import EngineFacts, ProcessSigns
from onbox.engines.tensorrt.profile import PROFILE

FACTS = EngineFacts(
    name="TensorRT-LLM",
    profile=PROFILE,
    # At /metrics it has figures of its iterations, as JSON.
    metrics_path="/prometheus/metrics",
    signs=ProcessSigns(programs={"trtllm-serve": ()}, modules=("tensorrt_llm.",), images=("tensorrt-llm", "trtllm")),
)
