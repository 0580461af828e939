"""Landmarks against logs of real engines: each phase is found, in order, and no line is read as another's."""

from itertools import pairwise

import pytest

from onbox.engines.landmarks import CONTAINERS, EVERY, LLAMA_SERVER, PHASES, SGLANG, VLLM, Landmarks

VLLM_COMPILED = """\
INFO [api_utils.py:286] non-default args: {'model_tag': 'models/hf/SmolLM2-135M-Instruct'}
INFO [core.py:133] Initializing a V1 LLM engine (v0.32.0) with config: model='models/hf/SmolLM2-135M-Instruct'
INFO [cpu_model_runner.py:68] Starting to load model models/hf/SmolLM2-135M-Instruct...
INFO [weight_utils.py:1108] Filesystem type for checkpoints: EXT4. Checkpoint size: 0.25 GiB. Available RAM: 21.44 GiB.
Loading safetensors checkpoint shards:   0% Completed | 0/1 [00:00<?, ?it/s]
Loading safetensors checkpoint shards: 100% Completed | 1/1 [00:00<00:00,  5.98it/s]
INFO [default_loader.py:501] Loading weights took 0.17 seconds
INFO [cpu_model_runner.py:87] Warming up model for the compilation...
INFO [shm_broadcast.py:871] No available shared memory broadcast block found in 60 seconds.
INFO [cpu_model_runner.py:91] Warming up done.
INFO [cpu_worker.py:260] Explicitly set (2.0/23.54) GiB for KV cache on node 0.
INFO [kv_cache_utils.py:2327] CPU KV cache size: 93,184 tokens, Maximum concurrency for 4,096 tokens per request: 22.75x
INFO [entry.py:140] Starting vLLM server on http://127.0.0.1:18082
INFO [launcher.py:195] Route: /health, Methods: GET
INFO:     Application startup complete.
"""
VLLM_GB10_FORK = """\
INFO vLLM API server version 0.14.0
INFO Starting to load model openai/gpt-oss-120b...
INFO Loading weights took 61.02 seconds
INFO Model loading took 61.3380 GiB memory and 66.35 seconds
INFO Dynamo bytecode transform time: 5.71 s
INFO [Autotuner]: Autotuning process starts ...
INFO Available KV cache memory: 19.18 GiB
INFO Capturing CUDA graphs (mixed prefill-decode, PIECEWISE): 1/83
INFO Starting vLLM API server 0 on http://0.0.0.0:8000
INFO Application startup complete.
"""
LLAMA = """\
0.00.006.781 I srv  llama_server: initializing ...
0.00.010.671 I srv    load_model: loading model 'models/gguf/qwen15.gguf'
0.01.296.653 I cmn          init: llama threadpool init, n_threads = 2
0.01.419.214 I srv    load_model: initializing, n_slots = 1, n_ctx_slot = 8192, kv_unified = 'false'
0.01.422.509 I srv  llama_server: model loaded
0.01.422.534 I srv  llama_server: listening on http://127.0.0.1:18083
"""
CASES = [
    pytest.param(VLLM, VLLM_COMPILED, "start load finalize compile kv ready serving", id="vllm"),
    pytest.param(VLLM, VLLM_GB10_FORK, "start load finalize compile tune kv capture ready serving", id="vllm-gb10"),
    pytest.param(LLAMA_SERVER, LLAMA, "load kv ready serving", id="llama"),
]


@pytest.mark.parametrize(("table", "log", "expected"), CASES)
def test_a_log_walks_through_its_phases(table: tuple[tuple[str, str], ...], log: str, expected: str) -> None:
    for landmarks in (Landmarks(table), Landmarks(EVERY)):
        observations = [phase for phase in map(landmarks.phase_of, log.splitlines()) if phase]
        assert [observations[0], *(b for a, b in pairwise(observations) if a != b)] == expected.split()


def test_the_tables_name_only_known_phases() -> None:
    assert {phase for phase, _ in (*EVERY, *SGLANG, *CONTAINERS)} <= set(PHASES)
