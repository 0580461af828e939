"""What SGLang's log says (0.5.23, from its source; not seen in a recording)."""

from onbox.engines.log_lines import Failure, Figure, Landmark, LogLines

LOG = LogLines(
    landmarks=(
        Landmark("load", r"Load weight begin\."),
        Landmark("finalize", r"Load weight end\."),
        Landmark("kv", r"Memory pool end\."),
        Landmark("capture", r"Capture (cuda|decode cuda) graph begin"),
        Landmark("ready", r"max_total_num_tokens="),
        Landmark("serving", r"The server is fired up and ready to roll!"),
    ),
    figures=(Figure("kv_cache_tokens", r"max_total_num_tokens=(?P<value>\d+)"),),
    failures=(
        Failure("unknown_flag", r"error: unrecognized arguments: ",
                "this version does not know the option: take it out"),
        Failure("memory", r"Not enough memory|CUDA out of memory|torch\.OutOfMemoryError",
                "out of memory: a lower mem-fraction-static, a shorter context, or a smaller model"),
    ),
)  # fmt: skip
