"""The built-in agent and one run of it, against a scripted server."""

import json
from pathlib import Path
from typing import Any

from onbox.bench.probing import sandbox_of
from onbox.evidence.folder import read_lines
from onbox.evidence.records import AgentPlan, Exchange, Limits, RunRecord
from onbox.wire.endpoint import Endpoint
from onbox.wire.proxy import RecordingProxy
from tests.doubles.server import ReceivedRequest, Wire, serving
from tests.exchanges import delta
from tests.unit.bench.agents.built_in import FIX, Make, calls, in_turn, says


class TestRun:
    def run(self, folder: Path, make: Make, *replies: bytes, **changes: Any) -> RunRecord:
        with serving(in_turn(*replies)) as server, RecordingProxy(Endpoint.parse(server.url)) as proxy:
            return make(proxy, **changes).run(FIX, "baseline", 1, 7000, folder)

    def test_leaves_the_whole_record(self, tmp_path: Path, bench: Make) -> None:
        folder = tmp_path / "runs" / "fix-failing-test" / "baseline" / "1"
        folder.mkdir(parents=True)
        (folder / "left-over").touch()
        note = calls("write", path="note.txt", content="hello\n")
        record = self.run(folder, bench, note, says("Done."))
        assert sorted(path.name for path in folder.iterdir()) == [
            "gate.txt",
            "run.json",
            "trajectory.json",
            "wire.jsonl",
            "workspace.patch",
            "workspace.tar.gz",
        ]
        assert RunRecord.model_validate_json((folder / "run.json").read_text()) == record
        assert (record.agent.stop, record.agent.reply, record.fault, record.engine_alive) == (
            "answered",
            "Done.",
            "",
            True,
        )
        assert record.gate is not None
        assert record.gate.exit_code == 1
        assert (record.changes.files, record.changes.lines_added) == (1, 1)
        assert "+hello" in (folder / "workspace.patch").read_text()
        wire = [Exchange.model_validate(line) for line in read_lines(folder / "wire.jsonl")]
        assert [(e.id, e.purpose, e.path, e.status) for e in wire] == [
            (1, "agent", "/v1/chat/completions", 200),
            (2, "agent", "/v1/chat/completions", 200),
        ]
        assert wire[0].request["seed"] == 7000
        steps = json.loads((folder / "trajectory.json").read_text())["steps"]
        assert [step["role"] for step in steps] == ["system", "user", "assistant", "tool", "assistant"]

    def test_a_reply_that_the_time_limit_cuts_off_is_in_the_record(self, tmp_path: Path, bench: Make) -> None:
        def script(request: ReceivedRequest, wire: Wire) -> None:
            wire.head(200, content_type="text/event-stream", transfer_encoding="chunked")
            while True:
                wire.chunk(delta(content="and ").encode())
                wire.pause(0.02)

        plan = AgentPlan(version="1", limits=Limits(wall_s=1.0))
        with serving(script) as server, RecordingProxy(Endpoint.parse(server.url)) as proxy:
            record = bench(proxy, plan=plan).run(FIX, "baseline", 1, 7000, tmp_path / "1")
        assert record.agent.stop == "time_limit"
        (line,) = read_lines(tmp_path / "1" / "wire.jsonl")
        exchange = Exchange.model_validate(line)
        assert exchange.error == "the client left before the reply was complete"
        assert b"and " in exchange.body()

    def test_an_engine_that_died_is_noted(self, tmp_path: Path, bench: Make) -> None:
        assert not self.run(tmp_path / "1", bench, says("Done."), alive=lambda: False).engine_alive


def test_the_sandbox_of_a_plan_is_probed() -> None:
    sandbox, report = sandbox_of("none")
    assert (sandbox.name, report.name) == ("none", "none")
    assert len(report.probes) == 18
    assert not all(probe.held for probe in report.probes)
