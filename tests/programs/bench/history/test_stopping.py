"""The search ends when enough tasks are made, or when its time is over; what was made by then stays."""

from pathlib import Path

import pytest

from onbox.app import tasks
from onbox.app.tasks import tasks_from
from onbox.bench.sandbox.none import Unsafe
from onbox.errors import BadSubjectError
from tests.programs.bench.history.repositories import slugs


def test_a_search_without_time_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository, _ = slugs(tmp_path / "slugs")
    monkeypatch.setattr(tasks, "choose", lambda unsafe: Unsafe())
    result = tasks_from(repository, tmp_path / "tasks", minutes=0.0)
    assert (result.looked_at, result.kept, result.dropped) == (0, (), ())
    assert not any((tmp_path / "tasks").iterdir())
    with pytest.raises(BadSubjectError, match="no commit could be completed in that time"):
        result.check()
