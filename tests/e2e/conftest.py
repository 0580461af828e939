"""What the end-to-end tests share."""

import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.doubles.scripted_plugin import OPTIONS, register
from tests.e2e.cli import environment

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts background jobs so, and what ignores SIGINT hands that on to its children.
    signal.signal(signal.SIGINT, signal.default_int_handler)


TrialFile = Callable[..., Path]


@pytest.fixture(scope="session")
def plugin_env(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which the engine `scripted` is installed."""
    folder = tmp_path_factory.mktemp("site")
    register(folder)
    return environment(folder)


@pytest.fixture
def trial_file(tmp_path: Path) -> TrialFile:
    """Writes a trial of scripted engines that onbox starts itself: name -> options; one task, a short measurement."""

    def write(runs: int = 2, speed: bool = True, **contenders: str) -> Path:
        (tmp_path / "weights.bin").write_bytes(b"no weights")
        recipes = [
            {
                "name": name,
                "engine": "scripted",
                "weights": {"path": str(tmp_path / "weights.bin")},
                "serve": {"environment": {OPTIONS: options}},
            }
            for name, options in contenders.items()
        ]
        measured = {"requests": 2, "tokens": 32, "warmup_requests_max": 1} if speed else None
        data = {"contenders": recipes, "task_names": ["fill-json"], "runs": runs, "speed": measured}
        path = tmp_path / "trial.yaml"
        path.write_text(json.dumps(data))
        return path

    return write
