"""All that others need to know of vLLM."""

from onbox.engines.base import EngineFacts, ProcessSigns
from onbox.engines.vllm.advice import advice
from onbox.engines.vllm.log import LOG
from onbox.engines.vllm.memory import ADVICE, PLAN
from onbox.engines.vllm.profile import PROFILE
from onbox.engines.vllm.raw_completion import route
from onbox.engines.vllm.sight import SIGHT

FACTS = EngineFacts(
    name="vLLM",
    owned_by=("vllm",),
    profile=PROFILE,
    log=LOG,
    signs=ProcessSigns(programs={"vllm": ("serve",)}, modules=("vllm.entrypoints.",), images=("vllm",)),
    memory_advice=ADVICE,
    memory_plan=PLAN,
    variables=("VLLM_",),
    # It answers an agent's first request with status 400 when it was given no parser.
    call_parser_hint="openai for gpt-oss, qwen3_coder for Qwen3.6, hermes for many others",
    raw_completion=route,
    advice=advice,
    sight=SIGHT,
    caches=("vllm",),
)
