"""What the log of Ollama says, and of the script that starts it."""

from onbox.engines.log_lines import Failure, Landmark, LogLines

LOG = LogLines(
    landmarks=(
        Landmark("build", r"onbox: putting .* into the store"),
        Landmark("load", r"onbox: loading"),
        Landmark("serving", r"onbox: serving"),
    ),
    failures=(
        Failure("no_weights", r"invalid file magic|unsupported content type", "is the file a GGUF?"),
        Failure("no_memory", r"requires more system memory|out of memory", "a shorter context, or a smaller model"),
    ),
)
