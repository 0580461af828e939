"""Ollama, by a stand-in of its own program."""

import sys
from pathlib import Path

import psutil
import pytest

from onbox.engines.ollama.engine import Ollama
from onbox.errors import UsageError
from onbox.evidence.records import StandUp
from onbox.launch.lifetime import Lifetime
from onbox.launch.running_engines import running_engines
from onbox.schema.recipe import Recipe, Serve, Tools, Weights

STAND_IN = Path(__file__).parents[2] / "doubles" / "ollama_process.py"


class TestOllama:
    @pytest.fixture
    def recipe(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recipe:
        """With a stand-in for the program: it serves what Ollama serves, as far as onbox asks."""
        monkeypatch.setenv("ONBOX_CACHE", str(tmp_path / "cache"))
        program = tmp_path / "ollama"
        program.write_text(
            f"#!{sys.executable} -S\nimport runpy\nrunpy.run_path({str(STAND_IN)!r}, run_name='__main__')\n"
        )
        program.chmod(0o755)
        (tmp_path / "m.gguf").write_bytes(b"GGUF")
        serve = Serve(executable=str(program), context_tokens=4096)
        return Recipe(name="m", engine="ollama", weights=Weights(path=str(tmp_path / "m.gguf")), serve=serve)

    def test_it_is_stood_up_and_gone(self, recipe: Recipe, tmp_path: Path) -> None:
        state = tmp_path / "daily.keeper.json"
        weights = tmp_path / "m.gguf"
        with Lifetime(recipe, Ollama(), weights, tmp_path / "life", patience_s=60, state_file=state) as life:
            processes = [psutil.Process(life.pid), *psutil.Process(life.pid).children(recursive=True)]
            assert len(processes) == 2
            # What `onbox up` started is told by the name that `onbox ps` and `--replace` know.
            observations = [each for each in running_engines() if each.pid == life.pid]
            assert [(each.kind, each.name) for each in observations] == [("onbox", "daily")]
            assert life.pid not in [each.pid for each in running_engines(ours=(life.pid or 0,))]
        record = StandUp.model_validate_json((tmp_path / "life" / "phases.json").read_text())
        assert [phase.name for phase in record.phases] == ["start", "build", "load", "first token"]
        assert record.props["model"] == "m"
        assert (tmp_path / "cache" / "ollama" / "m").read_text() == f"FROM {tmp_path}/m.gguf\n"
        assert not any(each.is_running() for each in processes)

    def test_what_it_has_not_is_refused(self, recipe: Recipe) -> None:
        with pytest.raises(UsageError, match="tools: not known for ollama"):
            Ollama().launch(recipe.model_copy(update={"tools": Tools(call_parser="x")}), Path("m"), 1)
        with pytest.raises(UsageError, match="model: M: Ollama takes lower case only"):
            Ollama().launch(recipe.model_copy(update={"model": "M"}), Path("m"), 1)
