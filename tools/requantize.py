"""Make a smaller quant of a GGUF file, with llama.cpp's own `gguf` package: a second quant for `onbox trial --quants`.

    pip install gguf
    python tools/requantize.py IN.gguf OUT.gguf Q4_0

Every matrix is read back to floats and quantised anew, so the loss of both steps is in the result: it is what a quant
of a quant gives, and not what the same type made from the original weights would. Norms and biases stay as they are.
"""

import argparse
import sys
from pathlib import Path

import gguf
import numpy as np
from gguf import GGMLQuantizationType, GGUFReader, GGUFValueType, GGUFWriter

FILE_TYPES = {
    "Q4_0": gguf.LlamaFileType.MOSTLY_Q4_0,
    "Q4_1": gguf.LlamaFileType.MOSTLY_Q4_1,
    "Q5_0": gguf.LlamaFileType.MOSTLY_Q5_0,
    "Q5_1": gguf.LlamaFileType.MOSTLY_Q5_1,
    "Q8_0": gguf.LlamaFileType.MOSTLY_Q8_0,
}
FLOATS = (GGMLQuantizationType.F32, GGMLQuantizationType.F16, GGMLQuantizationType.BF16)
DERIVED = frozenset({"general.file_type", "general.architecture", "general.quantization_version"})


def requantize(source: Path, target: Path, name: str) -> None:
    """Write `target` as `source` with its matrices in another type."""
    reader, wanted = GGUFReader(source), GGMLQuantizationType[name]
    architecture = reader.fields["general.architecture"].contents()
    writer = GGUFWriter(target, architecture)
    writer.add_file_type(FILE_TYPES[name])
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    for key, field in reader.fields.items():
        if key in DERIVED or key.startswith("GGUF."):
            continue
        kind = field.types[0]
        of = field.types[-1] if kind == GGUFValueType.ARRAY else None
        writer.add_key_value(key, field.contents(), kind, sub_type=of)
    for tensor in reader.tensors:
        if len(tensor.shape) < 2 or tensor.tensor_type in FLOATS:
            writer.add_tensor(tensor.name, np.array(tensor.data), raw_dtype=tensor.tensor_type)
            continue
        values = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        writer.add_tensor(tensor.name, gguf.quants.quantize(values, wanted), raw_dtype=wanted)
        print(f"{tensor.name}: {tensor.tensor_type.name} -> {name}", file=sys.stderr)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("type", choices=sorted(FILE_TYPES))
    given = parser.parse_args()
    requantize(given.source, given.target, given.type)
