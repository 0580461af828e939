"""Who serves, the flag that brings what is missing, and the command."""

import json
import re
from pathlib import Path

from tests.e2e.cli import onbox_here, scripted


class TestCommand:
    def test_json_contract_and_evidence(self, tmp_path: Path) -> None:
        out = tmp_path / "evidence"
        with scripted("leak") as url:
            done = onbox_here("preflight", url, "--out", out, "--json")
        assert done.returncode == 0, done.stderr
        result = json.loads(done.stdout)
        assert {"cases", "vision", "tools"} <= set(result)
        assert all({"name", "status", "detail"} <= set(case) for case in result["cases"])
        assert result["tools"] is False
        lines = (out / "preflight.jsonl").read_text().splitlines()
        assert len(lines) == result["requests"]
        kept = json.loads((out / "preflight.json").read_text())
        assert kept == {name: result[name] for name in kept}

    def test_for_people(self, tmp_path: Path) -> None:
        with scripted("good") as url:
            done = onbox_here("preflight", url, "--out", tmp_path / "one")
        assert re.search(r"^pass +tool_call$|^warn +tool_call$", done.stdout, re.MULTILINE), done.stdout
        assert max(map(len, done.stdout.splitlines())) <= 80 + len(str(tmp_path))

    def test_nobody_there(self, tmp_path: Path) -> None:
        done = onbox_here("preflight", "http://127.0.0.1:9", "--out", tmp_path / "one")
        assert (done.returncode, done.stderr.splitlines()[0]) == (
            3, "onbox: http://127.0.0.1:9: no server answers there"
        )  # fmt: skip

    def test_a_full_folder_is_not_overwritten(self, tmp_path: Path) -> None:
        (tmp_path / "x").write_text("mine")
        assert onbox_here("preflight", "http://127.0.0.1:9", "--out", tmp_path).returncode == 2
