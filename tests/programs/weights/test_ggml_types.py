"""Block types of GGUF come without the rest of the gguf package, and are its own."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


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
