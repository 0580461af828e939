"""The page of ceilings is what the code says."""

from pathlib import Path

import pytest
from tools import ceilings


@pytest.mark.slow
def test_the_page_and_the_plot_are_up_to_date(tmp_path: Path) -> None:
    gpt, qwen, nemotron = ceilings.models(tmp_path)
    assert (ceilings.DOCS / "ceilings.md").read_text() == ceilings.page(gpt, qwen, nemotron), "run tools/ceilings.py"
    assert (ceilings.DOCS / "ceilings.svg").read_text() == ceilings.plot(gpt), "run tools/ceilings.py"
