"""What SGLang's log says (0.5.23, from its source; not seen in a recording)."""

from onbox.engines.log_lines import Failure, Figure, Landmark, LogLines

GIB = float(2**30)
"""SGLang writes GB and means 2^30."""

LOG = LogLines(
    landmarks=(
        Landmark("load", r"Load weight begin\."),
        Landmark("kv", r"Load weight end\. |Memory pool end\."),
        Landmark("capture", r"Capture .*(cuda graph|CUDA graph).* begin"),
        Landmark("ready", r"max_total_num_tokens=\d+"),
        Landmark("serving", r"The server is fired up and ready to roll!"),
    ),
    figures=(
        Figure("loaded_bytes", r"Load weight end\. .*mem usage=(?P<value>[\d.]+) GB", GIB),
        Figure("load_s", r"Load weight end\. elapsed=(?P<value>[\d.]+) s"),
        Figure("kv_cache_tokens", r"max_total_num_tokens=(?P<value>\d+)"),
    ),
    failures=(
        Failure("unknown_flag", r"error: unrecognized arguments: ",
                "this version does not know the option: take it out"),
        Failure("memory", r"Not enough memory|CUDA (error: )?out of memory|torch\.OutOfMemoryError",
                "out of memory: a lower mem-fraction-static, a shorter context, or a smaller model"),
        Failure("kernel_failed", r"CUDA error: |HIP error: |terminate called after throwing an instance of 'c10::",
                "a kernel failed on the GPU: the first such line tells which; try another attention backend"),
    ),
)  # fmt: skip
