"""What the tests of the preflight share: the same picture each time."""

import pytest

from tests.unit.preflight.servers import SEED


@pytest.fixture(autouse=True)
def _known_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secrets.randbelow", lambda below: SEED)
