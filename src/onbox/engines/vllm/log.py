"""What vLLM's log says: 0.26 to 0.33 from their source and recordings, 0.14 from one log of a GB10.

Versions between were not read one by one, so `since` and `until` stand only where a difference is known.
"""

from onbox.engines.log_lines import BackendLine, Failure, Figure, Landmark, LogLines

GIB = float(2**30)

LOG = LogLines(
    version=r"version (?P<version>\d+\.\d+\S*)|Initializing a V1 LLM engine \(v(?P<engine_version>[^)]+)\)",
    landmarks=(
        Landmark("start", r"vLLM (API )?server version|non-default args: |Initializing a V1 LLM engine"),
        Landmark("load", r"Starting to load model|Loading model from scratch"),
        Landmark("load", r"Filesystem type for checkpoints|checkpoint shards: +0% Completed"),
        Landmark("finalize", r"Loading weights took [\d.]+ seconds"),
        # The first run profiles memory, and whatever is compiled just in time is compiled by it, eager or not.
        Landmark("compile", r"Model loading took [\d.]+ GiB|Warming up model for the compilation"),
        Landmark("compile", r"Using cache directory: \S+ for vLLM's torch\.compile|Dynamo bytecode transform time"),
        Landmark("compile", r"Compiling a graph for compile range|Compiling model again due to a load failure"),
        Landmark("compile", r"Directly load (AOT|the compiled graph)"),
        # What follows the first run: the sampler's run, and then the graphs that are captured only to be weighed.
        Landmark("profile", r"Initial profiling/warmup run took|Profiling CUDA graph memory:"),
        Landmark("kv", r"Warming up done\.|Explicitly set \([\d./]+\) GiB for KV cache|Available KV cache memory:"),
        Landmark("kv", r"KV cache size: [\d,]+ tokens"),
        Landmark("tune", r"\[Autotuner\]: Autotuning process starts"),
        Landmark("capture", r"Torch profiler (dis|en)abled for CUDA graph capture|Capturing CUDA graphs"),
        Landmark("ready", r"Graph capturing finished|init engine \(profile, create kv cache, warmup model\) took"),
        Landmark("ready", r"Starting vLLM (API )?server( \d+)? on http"),
        Landmark("serving", r"Application startup complete"),
    ),
    backends=(
        BackendLine("moe", r"\[MXFP4\] Using backend: (?P<backend>\w+)", until="0.16"),
        BackendLine("moe", r"Using (?P<backend>Marlin) backend", until="0.14"),
        BackendLine("moe", r"Using '(?P<backend>[^']+)' \w+ MoE backend", since="0.16"),
        BackendLine("moe", r"Using (?P<backend>.+?) MoE backend out of potential backends", since="0.16"),
        BackendLine("attention", r"Using AttentionBackendEnum\.(?P<backend>\w+) backend", until="0.16"),
        BackendLine("attention", r"SM12x detected - using native (?P<backend>FlashInfer CUTLASS) att", until="0.16"),
        BackendLine("attention", r"Using (?P<backend>\w+) attention backend out of potential backends"),
        BackendLine("flash_attention", r"Using FlashAttention version (?P<backend>\d+)"),
        BackendLine("moe", r"does not have native support for FP4 computation", warning=True),
        BackendLine("moe", r"No Mxfp4 MoE backend supports .* Falling back to '(?P<backend>[^']+)'", warning=True),
        BackendLine("moe", r"MoE backend '[^']+' does not support the deployment configuration since", warning=True),
    ),
    figures=(
        Figure("loaded_bytes", r"Model loading took (?P<value>[\d.]+) GiB", GIB),
        Figure("checkpoint_bytes", r"Checkpoint size: (?P<value>[\d.]+) GiB", GIB),
        Figure("kv_cache_bytes", r"Available KV cache memory: (?P<value>-?[\d.]+) GiB", GIB),
        Figure("kv_cache_bytes", r"Explicitly set \((?P<value>[\d.]+)/[\d.]+\) GiB for KV cache", GIB),
        Figure("kv_cache_tokens", r"KV cache size: (?P<value>[\d,]+) tokens"),
        Figure("graph_bytes", r"Graph capturing finished in \d+ secs, took (?P<value>-?[\d.]+) GiB", GIB),
        Figure("load_s", r"Loading weights took (?P<value>[\d.]+) seconds"),
        Figure("compile_s", r"torch\.compile (takes|took) (?P<value>[\d.]+) s in total"),
    ),
    progress=(
        r"Loading safetensors checkpoint shards:.*\| (?P<done>\d+)/(?P<total>\d+)",
        r"Capturing CUDA graphs.* (?P<done>\d+)/(?P<total>\d+)",
    ),
    # The cause before what follows from it: the first match is told.
    failures=(
        Failure(
            "unknown_flag",
            r"error: unrecognized arguments: ",
            "this version does not know the option: take it out of serve.arguments, or use the image that has it "
            "(--mxfp4-backend and --mxfp4-layers are in the christopherowen fork only)",
        ),
        Failure(
            "no_mxfp4_backend",
            r"No MXFP4 MoE backend supports the deployment configuration",
            "no kernel of this build runs MXFP4 here: use an image that is built for this chip",
        ),
        Failure(
            "backend_unsupported",
            r"MoE backend '[^']+' does not support the deployment configuration",
            "the backend that was asked for has no kernel for this chip: ask for another with --moe-backend",
            fatal=False,
        ),
        Failure(
            "port_taken",
            r"\[Errno 98\].*address already in use",
            "the port was taken after onbox had looked: leave serve.port out",
        ),
        Failure(
            "memory_at_start",
            r"Free memory on device .* is less than (desired GPU memory utilization|the engine's budget)",
            "less memory is free than the recipe asks for: lower gpu-memory-utilization, set kv-cache-memory-bytes "
            "(the only setting that holds on unified memory), or stop what holds the memory",
        ),
        Failure(
            "no_kv_memory",
            r"No available memory for the cache blocks|KV cache is needed, which is larger than",
            "nothing is left for the KV cache: a shorter context, kv-cache-dtype fp8, or more utilisation",
        ),
        Failure(
            "profiling",
            r"Error in memory profiling",
            "memory changed while it was profiled: something else was loading or unloading; try again on a quiet box",
        ),
        Failure("cuda_memory", r"CUDA (error: )?out of memory|torch\.OutOfMemoryError|NV_ERR_NO_MEMORY",
                "out of memory: enforce-eager, a shorter context, load-format auto, or a smaller model"),
        Failure(
            "tool_parser",
            r"invalid tool call parser|KeyError: .*tool parser|tool call parser .* (not found|chosen from)",
            "tools.call_parser: no such parser in this version",
        ),
        Failure(
            "no_weights",
            r"Cannot find any model weights|does not appear to have a file named config\.json|"
            r"Invalid repository ID or local directory",
            "the folder holds no model that vLLM reads: safetensors with config.json and tokenizer",
        ),
        Failure("kernel_failed", r"CUDA error: |HIP error: |terminate called after throwing an instance of 'c10::",
                "a kernel failed on the GPU: the first such line in the log tells which; try other kernels "
                "(--enforce-eager, --moe-backend); where several GPUs share a model --disable-custom-all-reduce, and "
                "as that leaves FlashInfer's fused all-reduce on, "
                """--compilation-config '{"pass_config": {"fuse_allreduce_rms": false}}'"""),
        Failure("architecture", r"Model architectures \[.*\] (are not supported|failed to be inspected)",
                "this version does not know the model: take a newer one"),
        Failure("engine_dead", r"EngineDeadError", "the engine's core died: what stands above in the log is the cause"),
        Failure("core_failed", r"Engine core initialization failed", "what stands above in the log is the cause"),
        Failure(
            "silent_worker",
            r"No available shared memory broadcast block found in \d+ seconds",
            "a worker is silent: a long compile says this too, so does a hang",
            fatal=False,
        ),
    ),
)  # fmt: skip
