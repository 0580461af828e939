"""The commands box, weights and fit, as a caller sees them."""

from pathlib import Path

import pytest

from tests.unit.weights.checkpoints import gpt_oss, write_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_model(tmp_path_factory.mktemp("gpt-oss-120b"), *gpt_oss(), shards=15))


def test_the_library_works_without_the_command_line(model: str) -> None:
    import subprocess
    import sys

    program = (
        "from onbox import weights, fit\n"
        f"facts = weights.read({str(Path(model))!r})\n"
        "told = fit.fit(facts, context=4096, nominal_gb_s=273, measured_gb_s=233, rate_tok_s=59.5)\n"
        "import sys; assert 'click' not in sys.modules and 'onbox.cli' not in sys.modules\n"
        "print(told.chosen.plausibility.verdict)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "impossible\n"
