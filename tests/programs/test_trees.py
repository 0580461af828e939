"""Folders that a stranger filled, and folders that a killed onbox left."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from onbox.scratch import sweep
from onbox.trees import remove


@pytest.fixture(autouse=True)
def emptied(tmp_path: Path) -> Iterator[None]:
    """pytest itself cannot remove what is so deep."""
    yield
    remove(tmp_path)


def test_what_a_killed_onbox_left_is_swept_and_what_is_in_use_is_not(tmp_path: Path) -> None:
    program = (
        "import time\nfrom onbox.scratch import scratch_folder\n"
        "with scratch_folder('run') as made:\n    (made / 'file').touch()\n"
        "    print(made, flush=True)\n    time.sleep(60)"
    )
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=env) as other:
        assert other.stdout is not None
        left = Path(other.stdout.readline().strip())
        assert left.parent == tmp_path
        assert sweep(tmp_path) == []
        os.kill(other.pid, signal.SIGKILL)
    (tmp_path / "onbox-mine").mkdir()
    (tmp_path / left.name.replace("onbox-run-", "onbox-run-1")).mkdir()
    assert sweep(tmp_path) == [left], "another's name, and that of another process namespace, stay"
    assert not left.exists()
