"""The evidence folder: atomic writes, append-only lines, one worker at a time, and the hashes of the whole."""

import json
import os
import resource
from pathlib import Path

import pytest

from onbox.atomic_files import write_atomic, write_json
from onbox.errors import UsageError
from onbox.evidence.folder import TrialFolder, append_line, read_lines
from onbox.evidence.manifest import NAME, mismatches, write_manifest
from onbox.evidence.records import AgentPlan, Exchange, LedgerKind, Plan, StandUp
from tests.builders import build_trial
from tests.exchanges import AT

PLAN = Plan(
    created_at=AT, onbox_version="0", contenders=(), tasks=(), runs=1, agent=AgentPlan(version="1"), sandbox="none"
)


def test_a_folder_of_trials_names_the_newest_of_them(tmp_path: Path) -> None:
    for name in ("trial-1", "trial-2", "trial-3", "trial-4"):
        build_trial(tmp_path / name)
    with pytest.raises(UsageError, match=r"holds no plan\.yaml") as caught:
        TrialFolder.open(tmp_path)
    assert caught.value.next_step == "name one of those in it: " + ", ".join(
        str(tmp_path / name) for name in ("trial-2", "trial-3", "trial-4")
    )


class TestWrites:
    def test_an_atomic_write_replaces_and_leaves_nothing_else(self, tmp_path: Path) -> None:
        path = tmp_path / "deep" / "file"
        write_atomic(path, b"one")
        write_atomic(path, b"two")
        assert [(each.name, each.read_bytes()) for each in path.parent.iterdir()] == [("file", b"two")]

    def test_a_write_that_fails_leaves_the_old_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(descriptor: int) -> None:
            raise OSError(28, "No space left on device")

        path = tmp_path / "file"
        write_atomic(path, b"one")
        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            write_atomic(path, b"two")
        assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("file", b"one")]

    def test_lines_come_back_in_order(self, tmp_path: Path) -> None:
        path = tmp_path / "deep" / "lines.jsonl"
        for n in range(3):
            append_line(path, {"n": n, "text": "é\n\u2028"})
        assert list(read_lines(path)) == [{"n": n, "text": "é\n\u2028"} for n in range(3)]
        assert path.read_bytes().count(b"\n") == 3

    def test_no_file_has_no_lines(self, tmp_path: Path) -> None:
        assert list(read_lines(tmp_path / "none")) == []

    @pytest.mark.parametrize("before", [b"", b'{"n":1}\n'])
    @pytest.mark.parametrize("torn", [b"{", b'{"n":2, "x": "' + b"y" * 200_000])
    def test_a_line_that_a_kill_cut_off_does_not_spoil_the_next(
        self, tmp_path: Path, before: bytes, torn: bytes
    ) -> None:
        path = tmp_path / "lines.jsonl"
        path.write_bytes(before + torn)
        whole = list(read_lines(path))
        append_line(path, {"n": 3})
        assert list(read_lines(path)) == [*whole, {"n": 3}]

    def test_a_line_that_the_disk_takes_only_in_part_is_an_error_and_is_taken_back(self, tmp_path: Path) -> None:
        path = tmp_path / "lines.jsonl"
        append_line(path, {"n": 1})
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20, before[1]))
        try:
            with pytest.raises(OSError, match="only a part of a line"):
                append_line(path, {"n": 2, "text": "x" * 100})
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert path.read_bytes() == b'{"n":1}\n'

    def test_a_whole_line_that_is_not_json_is_named(self, tmp_path: Path) -> None:
        path = tmp_path / "lines.jsonl"
        path.write_bytes(b'{"n":1}\nnonsense\n')
        with pytest.raises(UsageError, match=r"lines\.jsonl:2: not JSON"):
            list(read_lines(path))

    def test_bytes_of_any_kind_survive_in_an_exchange(self, tmp_path: Path) -> None:
        raw = bytes(range(256))
        exchange = Exchange(
            id=1,
            purpose="agent",
            started_at=AT,
            t0_ns=0,
            method="GET",
            path="/",
            chunks=((1, raw.decode("utf-8", "surrogateescape")),),
        )
        path = tmp_path / "wire.jsonl"
        append_line(path, exchange)
        (line,) = read_lines(path)
        assert Exchange.model_validate(line).body() == raw


class TestTrialFolder:
    def test_freezes_the_plan_and_notes_it(self, tmp_path: Path) -> None:
        TrialFolder.create(tmp_path / "new", PLAN)
        folder = TrialFolder.open(tmp_path / "new")
        folder.note(LedgerKind.ACCEPTED, "a/b", "why")
        assert folder.plan() == PLAN
        assert [(e.kind, e.subject, e.reason) for e in folder.ledger()] == [
            ("planned", ".", "0 contenders, 0 tasks"),
            ("accepted", "a/b", "why"),
        ]

    def test_takes_an_empty_folder_and_no_other(self, tmp_path: Path) -> None:
        TrialFolder.create(tmp_path, PLAN)
        with pytest.raises(UsageError, match="not empty"):
            TrialFolder.create(tmp_path, PLAN)
        with pytest.raises(UsageError, match="not empty"):
            TrialFolder.create(tmp_path / "plan.yaml", PLAN)

    def test_opens_only_a_trial(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="no such folder"):
            TrialFolder.open(tmp_path / "none")
        with pytest.raises(UsageError, match=r"no plan\.yaml"):
            TrialFolder.open(tmp_path)

    @pytest.mark.parametrize(
        ("text", "named"),
        [("", "the whole"), ("runs: [", "cannot be read"), ("{}", "created_at"), ("\x00", "cannot be read")],
    )
    def test_a_spoilt_plan_is_named(self, tmp_path: Path, text: str, named: str) -> None:
        (tmp_path / "plan.yaml").write_text(text)
        with pytest.raises(UsageError, match=rf"plan\.yaml: {named}"):
            TrialFolder.open(tmp_path).plan()

    @pytest.mark.parametrize("text", ["", "[" * 100_000, "3", '{"engine": 1}', "\udcff"])
    def test_a_spoilt_record_is_named(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "x.json").write_bytes(text.encode("utf-8", "surrogateescape"))
        with pytest.raises(UsageError, match=r"x\.json: "):
            TrialFolder(tmp_path).read(StandUp, tmp_path / "x.json")

    def test_a_folder_in_the_place_of_a_record_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="cannot be read: Is a directory"):
            TrialFolder(tmp_path).read(StandUp, tmp_path)
        assert TrialFolder(tmp_path).read_if_there(StandUp, tmp_path / "none") is None

    def test_a_ledger_line_of_another_form_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "ledger.jsonl").write_text('{"at": "x"}\n')
        with pytest.raises(UsageError, match=r"ledger\.jsonl: kind"):
            TrialFolder(tmp_path).ledger()


class TestManifest:
    def test_names_what_changed_is_missing_or_new(self, tmp_path: Path) -> None:
        folder = build_trial(tmp_path / "trial")
        write_manifest(folder.path)
        assert mismatches(folder.path) == []
        folder.note(LedgerKind.ACCEPTED, "one more")
        (folder.path / "plan.yaml").rename(folder.path / "plan2.yaml")
        assert mismatches(folder.path) == [
            ("ledger.jsonl", "changed"),
            ("plan.yaml", "missing"),
            ("plan2.yaml", "not in the manifest"),
        ]

    def test_links_and_half_written_files_are_left_out(self, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to("/etc/passwd")
        (tmp_path / ".x.json.12.tmp").write_text("half")
        write_json(tmp_path / "x.json", {})
        write_manifest(tmp_path)
        assert [line.split("  ")[1] for line in (tmp_path / NAME).read_text().splitlines()] == ["x.json"]

    def test_a_name_with_a_line_end_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "a\nb").touch()
        with pytest.raises(UsageError, match="no manifest can hold"):
            write_manifest(tmp_path)

    def test_no_manifest_or_a_spoilt_one(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="was not finished"):
            mismatches(tmp_path)
        (tmp_path / NAME).write_text(json.dumps({}))
        with pytest.raises(UsageError, match=":1: not a line"):
            mismatches(tmp_path)
