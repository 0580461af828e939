"""What a killed engine leaves in /dev/shm is removed by `onbox down`; nobody else's is touched."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from onbox.launch import started_engines
from onbox.launch.shared_memory import SHARED, mapped
from tests.doubles.scripted_plugin import OPTIONS
from tests.e2e.cli import onbox

HOLDS = """
import mmap, os, sys, time
with open(sys.argv[1], "w+b") as file:
    file.truncate(1 << 20)
    held = mmap.mmap(file.fileno(), 1 << 20)
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def segment() -> Iterator[Path]:
    """A name in /dev/shm that is free, and free again afterwards."""
    path = SHARED / f"onbox-test-{uuid.uuid4().hex}"
    yield path
    path.unlink(missing_ok=True)


def test_what_an_engine_leaves_is_removed_and_told(
    segment: Path, tmp_path: Path, plugin_env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = segment.with_name(f"{segment.name}-other")
    other.touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", "")
    env = {**plugin_env, "XDG_STATE_HOME": str(tmp_path / "state"), "XDG_RUNTIME_DIR": ""}
    (tmp_path / "weights.bin").write_bytes(b"no weights")
    serve = {"environment": {OPTIONS: f"--shared {segment}"}}
    data = {"name": "leaves", "engine": "scripted", "weights": {"path": "weights.bin"}, "serve": serve}
    (tmp_path / "leaves.yaml").write_text(json.dumps(data))
    try:
        assert onbox("up", tmp_path / "leaves.yaml", env=env).returncode == 0
        assert segment.stat().st_size == 1 << 20
        done = onbox("down", "leaves", "--json", env=env)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["gone"]["shared_memory_removed"] == [segment.name]
        assert not segment.exists()
        assert other.exists()
    finally:
        other.unlink()
        for each in started_engines.all_running():
            started_engines.stop(each)


def test_another_shm_of_the_same_path_is_not_ours(segment: Path) -> None:
    """A process with a /dev/shm of its own, as in a container, has a file of the very name mapped."""
    segment.write_bytes(b"somebody else's")
    script = f'mount -t tmpfs none /dev/shm && exec "{sys.executable}" -c "$0" {segment}'
    if os.getuid() or subprocess.run(["unshare", "-m", "true"], check=False).returncode:
        pytest.skip("mounts need root")
    with subprocess.Popen(["unshare", "-m", "sh", "-c", script, HOLDS], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert f"/dev/shm/{segment.name}" in Path(f"/proc/{holder.pid}/maps").read_text()
        assert mapped([holder.pid]) == set()
        holder.kill()
