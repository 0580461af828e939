"""Block types of GGUF come without the rest of the gguf package, and are its own."""

import os
import subprocess
import sys
from pathlib import Path

from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

from onbox.weights.ggml_types import ggml_blocks

ROOT = Path(__file__).parents[3]


def test_they_are_those_of_the_package() -> None:
    found = ggml_blocks()
    assert found[int(GGMLQuantizationType.Q8_0)] == ("Q8_0", 32, 34)
    assert {number: (elements, size) for number, (_, elements, size) in found.items()} == {
        int(kind): sizes for kind, sizes in GGML_QUANT_SIZES.items()
    }


def test_a_broken_mistral_common_does_no_harm(tmp_path: Path) -> None:
    """Seen on a GPU box: mistral_common without pycountry ended `onbox speed` in a traceback."""
    broken = tmp_path / "mistral_common"
    broken.mkdir()
    (broken / "__init__.py").write_text("raise RuntimeError('requires pycountry')\n")
    path = os.pathsep.join((str(tmp_path), str(ROOT / "src")))
    code = (
        "import sys, onbox.weights.read; assert 'gguf' not in sys.modules; assert 'mistral_common' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path}, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
