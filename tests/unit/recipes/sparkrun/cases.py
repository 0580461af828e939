"""Recipes in sparkrun's form, written for this test: one kind of thing each, and a generator that mixes them."""

import random
from collections.abc import Iterator
from typing import Any

import yaml

V, S = "vllm serve {model}", "sglang serve --model-path {model}"
OLD = "python3 -m sglang.launch_server --model-path {model}"
LINE = " \\\n    "


def vllm(command: str = "", defaults: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "recipe_version": "2",
        "model": "org/Model-7B",
        "runtime": "vllm",
        "container": "org/vllm:1",
    }
    base |= {"command": command} if command else {}
    return base | ({"defaults": defaults} if defaults is not None else {}) | more


def sglang(command: str = "", defaults: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return vllm(command, defaults, **{"runtime": "sglang", **more})


def without(data: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in data.items() if key not in keys}


DRAFT = '{"model": "org/Draft-1B", "num_speculative_tokens": 5, "method": "eagle3"}'
PLAIN = {"port": 8000, "host": "0.0.0.0", "tensor_parallel": 1, "gpu_memory_utilization": 0.8, "max_model_len": 32768}
HAND: dict[str, dict[str, Any]] = {
    # versions and runtimes
    "version-3": vllm(f"{V} --seed 1", recipe_version="3"),
    "version-4-number": vllm(f"{V} --seed 1", recipe_version=4),
    "version-word": vllm(f"{V} --seed 1", recipe_version="2.1"),
    "no-version": without(vllm(f"{V} --seed 1"), "recipe_version"),
    "version-1": vllm(f"{V} --seed 1", recipe_version="1", name="Some Model"),
    "version-1-number": vllm(f"{V} --seed 1", recipe_version=1),
    "version-1-no-runtime": without(vllm(f"{V} -tp {{tp}}", {"tp": 1}, recipe_version="1"), "runtime"),
    "no-runtime": without(vllm(f"{V} --seed 1"), "runtime"),
    "no-runtime-sglang": without(vllm(f"{S} --random-seed 1"), "runtime"),
    "no-runtime-sglang-old": without(vllm(f"{OLD} --random-seed 1"), "runtime"),
    "no-runtime-no-command": without(vllm("", PLAIN), "runtime"),
    "ray": vllm(f"{V} -tp 1", runtime="vllm-ray"),
    "ray-in-command": vllm(f"{V} --distributed-executor-backend ray -tp 1"),
    "ray-in-defaults": vllm(f"{V} -tp 1", {"distributed_executor_backend": "ray"}),
    "mp-over-ray": vllm(f"{V} --distributed-executor-backend ray", {"distributed_executor_backend": "mp"}),
    "ray-without-command": vllm("", {**PLAIN, "distributed_executor_backend": "ray"}),
    "distributed": vllm(f"{V} -tp 1", runtime="vllm-distributed"),
    "eugr": vllm(f"{V} -tp 1", runtime="eugr-vllm"),
    # defaults without a command
    "defaults": vllm("", PLAIN),
    "no-defaults": vllm(),
    "false-with-a-no-form": vllm("", {**PLAIN, "enable_prefix_caching": False, "async_scheduling": False}),
    "false-of-all": vllm("", {"enable_prefix_caching": False, "enable_chunked_prefill": False,
                              "enable_flashinfer_autotune": False, "scheduler_reserve_full_isl": False}),
    "false-without-a-no-form": vllm("", {**PLAIN, "enforce_eager": False, "trust_remote_code": False}),
    "true": vllm("", {**PLAIN, "enforce_eager": True, "enable_prefix_caching": True, "trust_remote_code": True}),
    "switch-as-a-text": vllm("", {**PLAIN, "enforce_eager": "yes", "enable_prefix_caching": "off"}),
    "keys-without-an-option": vllm("", {**PLAIN, "swap_space": 4, "cpu_offload_gb": 2, "colour": "red"}),
    "parser-without-auto-choice": vllm("", {**PLAIN, "tool_call_parser": "hermes"}),
    "parser-with-auto-choice": vllm("", {**PLAIN, "tool_call_parser": "hermes", "enable_auto_tool_choice": True}),
    "json-as-a-mapping": vllm("", {**PLAIN, "speculative_config": {"method": "mtp", "num_speculative_tokens": 2}}),
    "json-as-a-text": vllm("", {**PLAIN, "compilation_config": '{"cudagraph_mode": "PIECEWISE"}'}),
    "json-nested": vllm("", {**PLAIN, "hf_overrides": {"rope": {"factor": 4.0, "list": [1, 2]}}}),
    "served-name": vllm("", {**PLAIN, "served_model_name": "short"}),
    "auto": vllm("", {**PLAIN, "max_model_len": "auto"}),
    "length-with-a-letter": vllm("", {**PLAIN, "max_model_len": "128K"}),
    "revision": vllm("", PLAIN, model_revision="abc123"),
    "parallel": vllm("", {"tensor_parallel": 2, "pipeline_parallel": 1, "data_parallel": 2}),
    "null-default": vllm("", {**PLAIN, "seed": None}),
    "empty-command": vllm(" \n ", PLAIN) | {"command": " \n "},
    # templates
    "literal": vllm(f"{V} --max-model-len 4096 --gpu-memory-utilization 0.70"),
    "placeholders": vllm(f"{V}{LINE}--max-model-len {{max_model_len}}{LINE}-tp {{tensor_parallel}}", PLAIN),
    "default-left-out": vllm(f"{V} --seed {{seed}}", {"seed": 3, "max_num_seqs": 8}),
    "boolean-in-a-placeholder": vllm(f"{V} --enable-prefix-caching {{on}}", {"on": True}),
    "nested": vllm(f"{V} --otlp-traces-endpoint {{url}}", {"url": "http://x:{p}", "p": 4317}),
    "model-of-defaults": vllm(f"{V} --tokenizer {{model}}"),
    "model-in-full": vllm("vllm serve org/Model-7B --seed 1"),
    "resolved-model-path": vllm("vllm serve {resolved_model_path} --seed 1"),
    "revision-in-command": vllm(f"{V} --revision {{model_revision}}", model_revision="abc123"),
    "served-name-in-command": vllm(f"{V} --served-model-name short --seed 1"),
    "served-name-appended": vllm(f"{V} --seed 1", {"served_model_name": "short"}),
    "several-served-names": vllm(f"{V} --served-model-name one two three --seed 1"),
    "lora": vllm(f"{V} --enable-lora --lora-modules a=org/LoraA b=org/LoraB --max-lora-rank 64"),
    "equals-sign": vllm(f"{V} --max-model-len=8192 --limit-mm-per-prompt=image=2"),
    "underscores": vllm(f"{V} --mamba_ssm_cache_dtype float32"),
    "short-names": vllm(f"{V} -tp 1 -pp 1 -O 3 -q fp8"),
    "dotted": vllm(f"{V} --compilation-config.mode 3 --limit-mm-per-prompt.image 0"),
    "negative": vllm(f"{V} --seed -1 --max-num-seqs 4"),
    "auto-in-a-command": vllm(f"{V} --max-model-len {{max_model_len}}", {"max_model_len": "auto"}),
    "model-behind-options": vllm("vllm serve --seed 1 --enforce-eager {model} --max-num-seqs 2",
                                 behind="enforce-eager"),
    "model-as-an-option": vllm("vllm serve --model {model} --seed 1"),
    "said-twice": vllm(f"{V} --max-num-seqs 4 --max-num-seqs 8"),
    # quotes, braces, line breaks
    "json-in-quotes": vllm(f"{V} --speculative-config '{DRAFT}'"),
    "json-from-a-default": vllm(f"{V} --speculative-config '{{speculative_config}}'", {"speculative_config": DRAFT}),
    "json-nested-in-quotes": vllm(f"""{V} --hf-overrides '{{"a":{{"b":1}}}}'"""),
    "json-with-a-placeholder": vllm(f"""{V} --speculative-config '{{"method":"mtp","n":{{k}}}}'""", {"k": 3}),
    "json-in-double-quotes": vllm(f'{V} --speculative-config "{{\\"method\\":\\"mtp\\"}}"'),
    "doubled-braces": vllm(f"""{V} --speculative-config '{{{{"method": "mtp", "n": {{k}}}}}}'""", {"k": 2}),
    "doubled-braces-of-version-1": vllm(f"""{V} --hf-overrides '{{{{"a": 1}}}}'""", recipe_version="1"),
    "doubled-braces-in-a-default": vllm(f"{V} --hf-overrides '{{o}}'", {"o": '{{"a": {{"b": 1}}}}'}),
    "backslash-and-spaces": vllm(f"{V} \\  \n  --seed 1 \\\t\n  --max-num-seqs 2"),
    "backslash-at-the-end": vllm(f"{V} --seed 1 \\\n"),
    "break-after-the-program": sglang("python3 -m sglang.launch_server \\\n  --model-path {model} \\\n  --tp-size 1"),
    "break-after-serve": vllm("vllm serve \\\n  {model} \\\n  --seed 1"),
    "folded": vllm("vllm serve {model}   --seed 1    --max-num-seqs 2"),
    "comment-at-the-end": vllm(f"{V} --seed 1 # for now"),
    "template-in-quotes": vllm(f"{V} --chat-template 'a b.jinja'"),
    "empty-value": vllm(f"{V} --generation-config ''"),
    # environment, containers and other keys
    "environment": vllm(f"{V} --seed 1", env={"HF_TOKEN": "${HF_TOKEN}", "A": 1, "B": "{x}"}),
    "mods": vllm(f"{V} --seed 1", mods=["mods/fix-a"]),
    "unknown-keys": vllm(f"{V} --seed 1", colour="red", build_args=["--x"]),
    "solo": vllm(f"{V} --seed 1", solo_only=True, mode="solo"),
    "no-container": without(vllm(f"{V} --seed 1"), "container"),
    "digest": vllm(f"{V} --seed 1", container=f"org/vllm:1@sha256:{'a' * 64}"),
    "metadata": vllm(f"{V} --seed 1", metadata={"description": "x", "model_params": "7B"}),
    # SGLang
    "sglang-defaults": sglang("", {**PLAIN, "chunked_prefill": 4096, "max_num_seqs": 8, "attention_backend": "triton"}),
    "sglang-switches": sglang("", {**PLAIN, "trust_remote_code": True, "disable_radix_cache": False}),
    "sglang-metrics": sglang(f"{S} --enable-metrics --tp-size 1"),
    "sglang-metrics-default": sglang("", {**PLAIN, "enable_metrics": True}),
    "sglang-draft": sglang("", {**PLAIN, "speculative_algorithm": "EAGLE3", "speculative_draft_model": "org/Draft"}),
    "sglang-draft-path": sglang(f"{S} --speculative-draft-model-path org/Draft --speculative-num-steps 3"),
    "sglang-list": sglang(f"{S} --cuda-graph-bs 1 2 4 8 --mem-fraction-static 0.8"),
    "sglang-served-name": sglang(f"{S} --context-length 4096", {"served_model_name": "short"}),
    "sglang-old": sglang(f"{OLD} --context-length {{max_model_len}} --tp 1", PLAIN),
    "sglang-dp": sglang(f"{S} --tp-size 1", {"data_parallel": 2}),
    "sglang-dp-defaults": sglang("", {"data_parallel": 2, "tensor_parallel": 1, "enable_dp_attention": True}),
    "sglang-revision": sglang("", {**PLAIN, "revision": "{model_revision}"}, model_revision="abc123"),
    "sglang-json": sglang(f"{S} --json-model-override-args '{{{{\"a\": 1}}}}'"),
    "sglang-auto": sglang("", {"max_model_len": "auto"}),
}  # fmt: skip

VALUES: dict[str, list[Any]] = {
    "max_model_len": [4096, 131072, "auto", "32K", "16k"],
    "gpu_memory_utilization": [0.5, 0.85, "0.90"],
    "max_num_seqs": [1, 16],
    "kv_cache_dtype": ["fp8", "auto"],
    "enable_prefix_caching": [True, False],
    "enforce_eager": [True, False],
    "speculative_config": [{"method": "mtp", "num_speculative_tokens": 2}, DRAFT, '{{"method": "ngram"}}'],
    "served_model_name": ["short", "a/b"],
    "swap_space": [4],
    "tool_call_parser": ["hermes", "qwen3_coder"],
    "enable_auto_tool_choice": [True],
    "seed": [0, -1],
    "trust_remote_code": [True, False],
    "distributed_executor_backend": ["ray", "mp"],
    "attention_backend": ["FLASHINFER"],
    "chunked_prefill": [2048],
    "data_parallel": [1, 2],
}


def generated(seed: int, count: int) -> Iterator[dict[str, Any]]:
    """Mixtures of values, templates, line breaks, versions and runtimes; the same ones for the same seed."""
    dice = random.Random(seed)
    for _ in range(count):
        engine = dice.choice(["vllm", "vllm", "sglang"])
        keys = dice.sample(sorted(VALUES), dice.randint(0, 7))
        defaults = {key: dice.choice(VALUES[key]) for key in keys}
        command = _template(dice, engine, defaults) if dice.random() < 0.6 else ""
        data = (vllm if engine == "vllm" else sglang)(command, defaults)
        data["recipe_version"] = dice.choice(["1", "2", "3", 2])
        if engine == "vllm":
            data["runtime"] = dice.choice(["vllm", "vllm", "vllm-ray", "vllm-distributed", ""])
        yield data


def _template(dice: random.Random, engine: str, defaults: dict[str, Any]) -> str:
    words = [V if engine == "vllm" else dice.choice([S, OLD])]
    for key, value in defaults.items():
        if dice.random() < 0.3 or isinstance(value, dict):
            continue
        quote = "'" if isinstance(value, str) and value.startswith("{") else ""
        joined = "=" if not quote and dice.random() < 0.2 else " "
        words.append(f"--{key.replace('_', '-')}{joined}{quote}{{{key}}}{quote}")
    if dice.random() < 0.3:
        words.append("""--hf-overrides '{"a":{"b":[1,2]}}'""")
    dice.shuffle(rest := words[1:])
    return dice.choice([" ", LINE, " \\ \n "]).join([words[0], *rest])


def text(data: dict[str, Any]) -> str:
    """As a file."""
    return yaml.safe_dump(data, sort_keys=False)
