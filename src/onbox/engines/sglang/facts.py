"""All that others need to know of SGLang."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from onbox.engines.base import EngineFacts, GpuUse, ProcessSigns, gpu_use
from onbox.engines.sglang.advice import advice
from onbox.engines.sglang.log import LOG
from onbox.engines.sglang.profile import PROFILE
from onbox.engines.sglang.raw_completion import route
from onbox.engines.sglang.sight import SIGHT

if TYPE_CHECKING:
    from onbox.wire.client import StampedClient


def details(client: "StampedClient", model: str) -> dict[str, Any]:
    """Its version."""
    info = client.get_json("/server_info") or client.get_json("/get_server_info") or {}
    return {"version": info.get("version")}


def _gpus(options: Mapping[str, Any]) -> GpuUse | None:
    """Copies of attention alone (`enable-dp-attention`) take no further GPUs."""
    copies = () if options.get("enable-dp-attention") not in (None, False) else ("dp-size", "data-parallel-size", "dp")
    return gpu_use(
        options,
        tensor=("tp-size", "tensor-parallel-size", "tp"),
        pipeline=("pp-size", "pipeline-parallel-size", "pp"),
        copies=copies,
    )


FACTS = EngineFacts(
    name="SGLang",
    owned_by=("sglang",),
    profile=PROFILE,
    log=LOG,
    signs=ProcessSigns(modules=("sglang.launch_server",), images=("sglang",)),
    variables=("SGLANG_",),
    call_parser_hint="gpt-oss for gpt-oss, qwen3_coder for Qwen3.6, qwen25 for many others",
    details=details,
    raw_completion=route,
    advice=advice,
    sight=SIGHT,
    gpu_use=_gpus,
)
