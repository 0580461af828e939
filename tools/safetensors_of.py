"""Write a GGUF as dequantised safetensors with its tokenizer, which vLLM can read: `safetensors_of.py IN.gguf OUT`.

Runs in an environment with transformers, gguf and accelerate; onbox itself needs none of them.
"""

import sys
from pathlib import Path

from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

if __name__ == "__main__":
    source, out = Path(sys.argv[1]), sys.argv[2]
    options = {"gguf_file": source.name}
    model = AutoModelForCausalLM.from_pretrained(
        str(source.parent), quantization_config=GgufConfig(dequantize=True), **options
    )
    model.save_pretrained(out)
    AutoTokenizer.from_pretrained(str(source.parent), **options).save_pretrained(out)
