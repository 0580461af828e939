"""The evidence folder: atomic writes, append-only lines, one worker at a time, and the hashes of the whole."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from onbox.errors import UsageError
from onbox.evidence.lock import locked
from onbox.evidence.manifest import NAME, mismatches, write_manifest


class TestLock:
    def test_a_second_process_is_refused_until_the_first_is_dead(self, tmp_path: Path) -> None:
        script = (
            "import sys, pathlib; from onbox.evidence.lock import locked\n"
            f"with locked(pathlib.Path({str(tmp_path)!r})): print('held', flush=True); sys.stdin.read()"
        )
        with subprocess.Popen(
            [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=_with_source()
        ) as holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"held\n"
            with pytest.raises(UsageError, match="another onbox"), locked(tmp_path):
                pass
            holder.kill()
            holder.wait()
        with locked(tmp_path):
            pass


class TestManifest:
    @pytest.mark.skipif(shutil.which("sha256sum") is None, reason="no sha256sum here")
    def test_sha256sum_reads_it(self, tmp_path: Path) -> None:
        for name in ("a", "b c", "é", "sep\u2028x", os.fsdecode(b"\xff")):
            (tmp_path / name).write_bytes(name.encode("utf-8", "surrogateescape"))
        write_manifest(tmp_path)
        assert mismatches(tmp_path) == []
        done = subprocess.run(["sha256sum", "-c", "--quiet", NAME], cwd=tmp_path, capture_output=True, check=False)
        assert (done.returncode, done.stdout) == (0, b"")


def _with_source() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
