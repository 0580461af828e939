"""What the log of llama.cpp's server says (builds b11434 to b11549, from recordings)."""

from onbox.engines.log_lines import BackendLine, Failure, Figure, Landmark, LogLines

MIB = 2**20

LOG = LogLines(
    version=r"build_info: (?P<version>\S+)",
    landmarks=(
        Landmark("load", r"load_model: loading model"),
        Landmark("kv", r"llama threadpool init|load_model: initializing, n_slots"),
        Landmark("ready", r"(init|llama_server|main): model loaded$"),
        Landmark("serving", r"listening on http|onbox: serving on"),
    ),
    # A layer's cache lies where the layer is computed. At verbosity 4, which the embedded server is started with.
    backends=(
        BackendLine("device", r"llama_kv_cache: +(?P<backend>[A-Za-z]+)\d* KV buffer size"),
        BackendLine("device", r"(no usable GPU found|ggml_cuda_init: failed to initialize .*)", warning=True),
    ),
    figures=(
        Figure("loaded_bytes", r"load_tensors: +\S+ model buffer size = +(?P<value>[\d.]+) MiB", MIB),
        Figure("kv_cache_bytes", r"llama_kv_cache: +\S+ KV buffer size = +(?P<value>[\d.]+) MiB", MIB),
    ),
    failures=(
        Failure("unknown_flag", r"error: invalid argument: ", "this build does not know the option: take it out"),
        Failure("no_memory", r"failed to allocate|unable to allocate|ErrorOutOfDeviceMemory|out of memory",
                "out of memory: a shorter context, cache-type-k q8_0, or fewer gpu-layers"),
        Failure("kernel_failed", r"(?:CUDA|ROCm|MUSA) error: |ErrorDeviceLost",
                "a kernel failed on the GPU: the first such line in the log tells which; try fewer gpu-layers"),
        Failure("architecture", r"unknown model architecture", "this build does not know the model: take a newer one"),
        Failure("no_weights", r"failed to open|No such file or directory|gguf_init_from_file",
                "is the file a GGUF, and is it whole?"),
        Failure("port_taken", r"couldn't bind HTTP server socket|bind: .*in use",
                "the port was taken after onbox had looked: leave serve.port out"),
        Failure("load_failed", r"failed to load model|error loading model",
                "is the file a GGUF that this llama.cpp knows, and does it fit in memory?"),
    ),
)  # fmt: skip
