"""All that others need to know of vLLM."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from onbox.engines.base import EngineFacts, GpuUse, LaunchSituation, ProcessSigns, gpu_use
from onbox.engines.vllm.advice import advice
from onbox.engines.vllm.emulation import METRICS_PAGE
from onbox.engines.vllm.log import LOG
from onbox.engines.vllm.memory import ADVICE, PLAN
from onbox.engines.vllm.profile import PROFILE
from onbox.engines.vllm.raw_completion import route
from onbox.engines.vllm.sight import SIGHT

if TYPE_CHECKING:
    from onbox.schema.checks import Check
    from onbox.schema.recipe import Recipe


def _checks(recipe: "Recipe", launch: LaunchSituation) -> tuple["Check", ...]:
    from onbox.engines.vllm.launch_checks import checks  # the watcher reads these facts, and needs no box

    return checks(recipe, launch)


def _gpus(options: Mapping[str, Any]) -> GpuUse | None:
    return gpu_use(
        options,
        tensor=("tensor-parallel-size", "tp"),
        pipeline=("pipeline-parallel-size", "pp"),
        copies=("data-parallel-size", "dp"),
    )


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
    launch_checks=_checks,
    gpu_use=_gpus,
    metrics_page=METRICS_PAGE,
)
