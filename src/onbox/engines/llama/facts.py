"""All that others need to know of llama.cpp's server, embedded or not."""

from onbox.engines.base import EngineFacts, MemoryAdvice, ProcessSigns
from onbox.engines.llama.advice import advice
from onbox.engines.llama.log import LOG
from onbox.engines.llama.profile import PROFILE
from onbox.engines.llama.props import props
from onbox.engines.llama.raw_completion import route
from onbox.engines.llama.sight import SIGHT
from onbox.errors import install_extra

FACTS = EngineFacts(
    name="llama.cpp",
    owned_by=("llamacpp",),
    installs={"llama-embedded": install_extra("embedded")},
    profile=PROFILE,
    log=LOG,
    signs=ProcessSigns(
        programs={"llama-server": (), "llama_host.py": ()}, modules=("llama_cpp.server",), images=("llama",)
    ),
    memory_advice=MemoryAdvice(otherwise="a shorter context, cache-type-k: q8_0, or a smaller quantisation"),
    variables=("LLAMA_ARG_",),
    probe=props,
    raw_completion=route,
    advice=advice,
    sight=SIGHT,
    room_option="llama-server: --parallel {parallel}, and --ctx-size for all of them together",
)
