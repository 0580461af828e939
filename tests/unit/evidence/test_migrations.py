"""Records of earlier schema versions, read as those of today."""

from pathlib import Path
from typing import Any

import pytest

from onbox.atomic_files import write_json
from onbox.evidence.folder import TrialFolder, append_line
from onbox.evidence.migrations import current
from onbox.evidence.records import SCHEMA_VERSION, Exchange, FaultKind, GateLimit, Regrade, RunRecord, TransportError
from tests.builders import run_record
from tests.exchanges import streamed


def test_the_schema_version_is_the_one_that_is_migrated_to() -> None:
    assert SCHEMA_VERSION == 4


def test_the_raw_route_of_version_2(tmp_path: Path) -> None:
    end = {"rounds": 1, "seconds": 2.0, "ended": "complete", "past_parser": "by /raw"}
    write_json(tmp_path / "run.json", run_record().model_dump(mode="json") | {"replay": end})
    read = TrialFolder(tmp_path).read(RunRecord, tmp_path / "run.json").replay
    assert read is not None
    assert read.raw_route == "by /raw"


@pytest.mark.parametrize(
    ("exit_code", "reason", "limit"),
    [
        (None, "GATE_FAULT no verdict within 60 s", GateLimit.TIME),
        (
            3,
            "GATE_FAULT out of memory: killed at the sandbox's bound; its script ended with exit code 137",
            GateLimit.MEMORY,
        ),
        (2, "GATE_FAULT exit code 2: no reason given", None),
        (1, "FAIL_TEST out of memory: killed at the sandbox's bound", None),
        (0, "PASS", None),
    ],
)
def test_the_limit_of_a_gate_of_version_3(
    exit_code: int | None, reason: str, limit: GateLimit | None, tmp_path: Path
) -> None:
    old = {"exit_code": exit_code, "reason": reason, "seconds": 1.0, "sha256": "a" * 64}
    write_json(tmp_path / "run.json", run_record().model_dump(mode="json") | {"gate": old})
    read = TrialFolder(tmp_path).read(RunRecord, tmp_path / "run.json").gate
    assert read is not None
    assert read.limit is limit
    run = {"contender": "c", "task": "t", "arm": "a", "n": 1, "was": old, "now": None, "code_was": "x", "code_now": "y"}
    line = {"at": "now", "onbox_version": "1", "sandbox": "none", "tasks": {}, "runs": [run]}
    assert Regrade.model_validate(current("Regrade", line)).runs[0].was.limit is limit


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("disk: [Errno 28] No space left on device: '/tmp/x'", FaultKind.DISK_FULL),
        ("box: [Errno 122] Disk quota exceeded", FaultKind.DISK_FULL),
        ("box: [Errno 12] Cannot allocate memory", FaultKind.OUT_OF_MEMORY),
        ("box: [Errno 13] Permission denied: '/srv/disk/oom'", FaultKind.BOX),
        ("sandbox: no room for more in /srv/disk", FaultKind.SANDBOX),
        ("harness: KeyError: 'disk full' (runner.py:1 run)", FaultKind.HARNESS),
        ("the sandbox could not start: no user namespaces", FaultKind.SANDBOX),
    ],
)
def test_a_fault_of_version_1(tmp_path: Path, fault: str, kind: FaultKind) -> None:
    old = run_record().model_dump(mode="json", exclude={"fault_kind"}) | {"fault": fault}
    write_json(tmp_path / "run.json", old)
    read = TrialFolder(tmp_path).read(RunRecord, tmp_path / "run.json")
    assert (read.fault, read.fault_kind) == (fault, kind)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("the client left before the reply was complete", TransportError.CLIENT_LEFT),
        ("the client left: its run ended before the reply was complete", TransportError.RUN_ENDED),
        ("ConnectionRefusedError: [Errno 111] Connection refused", TransportError.REFUSED),
        ("ConnectionResetError: [Errno 104] Connection reset by peer", TransportError.RESET),
        ("no answer within 3.6e+03 s", TransportError.TIMED_OUT),
        ("RemoteProtocolError: the client left HTTP", TransportError.PROTOCOL),
        ("the server says that the client left", TransportError.OTHER),
    ],
)
def test_a_transport_error_of_version_1(tmp_path: Path, error: str, kind: TransportError) -> None:
    old = streamed([(0.1, "x")]).model_dump(mode="json", exclude={"error_kind"}) | {"error": error}
    append_line(tmp_path / "wire.jsonl", old)
    (read,) = TrialFolder(tmp_path).exchanges(tmp_path / "wire.jsonl")
    assert (read.error, read.error_kind) == (error, kind)


@pytest.mark.parametrize("record", ["RunRecord", "Exchange"])
@pytest.mark.parametrize("data", [{"fault": "", "error": None}, {"fault_kind": "box", "error_kind": "reset"}, [], None])
def test_what_needs_no_migration_is_returned_as_it_is(record: str, data: Any) -> None:
    assert current(record, data) is data


def test_a_record_of_today_is_written_with_its_kinds(tmp_path: Path) -> None:
    exchange = streamed([(0.1, "x")], error="disk full", error_kind="reset")
    append_line(tmp_path / "wire.jsonl", exchange)
    assert TrialFolder(tmp_path).exchanges(tmp_path / "wire.jsonl") == [exchange]
    assert Exchange.model_validate_json(exchange.model_dump_json()) == exchange
