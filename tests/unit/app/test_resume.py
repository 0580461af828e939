"""What --resume does with runs that say nothing of the model: set aside, kept, done again, but not without end."""

from pathlib import Path

from onbox.app.trials import set_invalid_aside
from onbox.evidence.folder import AGAIN_MAX, TrialFolder
from onbox.evidence.records import LedgerKind, Role
from tests.builders import Contender, build_trial
from tests.judging import judge


def invalid_trial(path: Path) -> TrialFolder:
    contenders = [
        Contender("old", Role.INCUMBENT, {"rename": "PI"}),
        Contender("new", Role.CHALLENGER, {"rename": "PF"}),
    ]
    return build_trial(path, contenders, speed=False)


def test_an_invalid_run_makes_room_and_is_kept(tmp_path: Path) -> None:
    folder = invalid_trial(tmp_path / "trial")
    slot = folder.run_folder("old", "rename", "baseline", 2)
    before = (slot / "run.json").read_bytes()
    assert judge(folder).contenders[0].invalid == 1

    assert set_invalid_aside(folder) == 1

    assert not slot.exists()
    assert (folder.path / "old/set-aside/rename/baseline/2.1/run.json").read_bytes() == before
    last = folder.ledger()[-1]
    assert (last.kind, last.subject) == (LedgerKind.DISCARDED, "old/set-aside/rename/baseline/2.1")
    assert "invalid" in last.reason
    after = judge(folder).contenders[0]
    assert (after.valid, after.invalid, after.attempted) == (1, 0, 2)
    assert set_invalid_aside(folder) == 0


def test_a_slot_is_not_tried_for_ever(tmp_path: Path) -> None:
    folder = invalid_trial(tmp_path / "trial")
    slot = folder.run_folder("old", "rename", "baseline", 2)
    for _ in range(AGAIN_MAX):
        assert set_invalid_aside(folder) == 1
        newest = max((folder.path / "old/set-aside/rename/baseline").iterdir())
        slot.mkdir(parents=True)
        for file in newest.iterdir():
            (slot / file.name).write_bytes(file.read_bytes())
    assert set_invalid_aside(folder) == 0
    assert judge(folder).contenders[0].invalid == 1


def test_what_the_model_failed_is_not_done_again(tmp_path: Path) -> None:
    contenders = [Contender("old", Role.INCUMBENT, {"rename": "PF"})]
    assert set_invalid_aside(build_trial(tmp_path / "trial", contenders, speed=False)) == 0
