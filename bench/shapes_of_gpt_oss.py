"""gpt-oss-120b's shapes without its weights, for vLLM's `--load-format dummy`: what a decode step reads is then true,
and what the server says is nonsense.

    python bench/shapes_of_gpt_oss.py O200K_BASE.tiktoken FOLDER
    TIKTOKEN_ENCODINGS_BASE=FOLDER_OF_THE_RANKS vllm serve FOLDER --load-format dummy --enable-per-request-metrics \
        --max-num-seqs 8 --max-model-len 36864 --cudagraph-capture-sizes 1 2 4 8

The ranks are OpenAI's o200k_base (the npm package js-tiktoken carries them); transformers makes the tokenizer.
docs/gpu-truth.md has what came of it on one H200.
"""

import argparse
import json
from pathlib import Path

PATTERN = "|".join(
    (
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    )
)
VOCABULARY = 201_088
FIRST_SPECIAL = 199_998
SPECIAL = {
    199_998: "<|startoftext|>",
    199_999: "<|endoftext|>",
    200_002: "<|return|>",
    200_003: "<|constrain|>",
    200_005: "<|channel|>",
    200_006: "<|start|>",
    200_007: "<|end|>",
    200_008: "<|message|>",
    200_012: "<|call|>",
    200_018: "<|endofprompt|>",
}
TEMPLATE = (
    "{% for m in messages %}<|start|>{{ m.role }}<|message|>{{ m.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant{% endif %}"
)
UNQUANTISED = ["model.layers.*.self_attn", "model.layers.*.mlp.router", "model.embed_tokens", "lm_head"]


def main() -> None:
    """Write config.json, generation_config.json and the tokenizer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ranks", type=Path)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    from transformers import GptOssConfig, PreTrainedTokenizerFast
    from transformers.convert_slow_tokenizer import TikTokenConverter

    arguments.folder.mkdir(parents=True, exist_ok=True)
    config = GptOssConfig(num_hidden_layers=36, num_local_experts=128, num_experts_per_tok=4).to_dict()
    config |= {
        "architectures": ["GptOssForCausalLM"],
        "dtype": "bfloat16",
        "eos_token_id": 200_002,
        "quantization_config": {"quant_method": "mxfp4", "modules_to_not_convert": UNQUANTISED},
    }
    (arguments.folder / "config.json").write_text(json.dumps(config, indent=1))
    ends = {"bos_token_id": 199_998, "eos_token_id": [200_002, 199_999, 200_012], "pad_token_id": 199_999}
    (arguments.folder / "generation_config.json").write_text(json.dumps(ends))
    special = [SPECIAL.get(number, f"<|reserved_{number}|>") for number in range(FIRST_SPECIAL, VOCABULARY)]
    converter = TikTokenConverter(vocab_file=str(arguments.ranks), pattern=PATTERN, extra_special_tokens=special)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=converter.converted(), eos_token="<|return|>", bos_token="<|startoftext|>"
    )
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(arguments.folder)


if __name__ == "__main__":
    main()
