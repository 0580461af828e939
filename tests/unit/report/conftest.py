"""What the tests of the report share."""

from pathlib import Path

import pytest

from onbox.evidence.folder import TrialFolder
from tests.builders import build_trial


@pytest.fixture
def folder(tmp_path: Path) -> TrialFolder:
    return build_trial(tmp_path / "trial")
