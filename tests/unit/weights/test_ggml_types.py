"""Block types of GGUF come without the rest of the gguf package, and are its own."""

from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

from onbox.weights.ggml_types import ggml_blocks


def test_they_are_those_of_the_package() -> None:
    found = ggml_blocks()
    assert found[int(GGMLQuantizationType.Q8_0)] == ("Q8_0", 32, 34)
    assert {number: (elements, size) for number, (_, elements, size) in found.items()} == {
        int(kind): sizes for kind, sizes in GGML_QUANT_SIZES.items()
    }
