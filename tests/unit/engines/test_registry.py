"""Engines are found by name."""

from pathlib import Path

import pytest

from onbox.engines import engine_by_name
from onbox.errors import UsageError


class TestByName:
    @pytest.mark.parametrize("name", ["llama-embedded", "attached"])
    def test_builtin(self, name: str) -> None:
        assert engine_by_name(name).name == name

    def test_an_unknown_name_is_answered_with_the_known_ones(self) -> None:
        with pytest.raises(UsageError, match=r"^mine: engine: vlm: no such engine"):
            engine_by_name("vlm", recipe="mine")
        with pytest.raises(UsageError, match="engine: vlm: no such engine") as caught:
            engine_by_name("vlm")
        assert caught.value.next_step == "one of attached, llama-embedded, llama-server, ollama, sglang, vllm"

    def test_an_installed_package_may_bring_one(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        info = tmp_path / "fake_engine-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fake-engine\nVersion: 1\n")
        (info / "entry_points.txt").write_text("[onbox.engines]\nfake = tests.doubles.engine:FakeEngine\n")
        monkeypatch.syspath_prepend(str(tmp_path))
        assert engine_by_name("fake").name == "fake"
