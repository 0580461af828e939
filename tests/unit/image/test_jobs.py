"""How many compile jobs a build is given."""

from pathlib import Path

import pytest

from onbox.image import jobs
from onbox.image.jobs import RESERVE_BYTES, jobs_for
from onbox.schema.recipe.build import Build

GIB = 2**30


class Told:
    def __init__(self, **values: int) -> None:
        self.__dict__ |= values


@pytest.mark.parametrize(
    ("available_gib", "cores", "recipe_gib", "last", "count"),
    [
        (119, 20, 5.4, None, 20),  # a Spark: cores are the bound
        (64, 20, 5.4, None, 11),
        (5, 20, 5.4, None, 1),  # never less than one
        (2, 20, 5.4, None, 1),
        (64, 20, 2.0, (6 * GIB * 4, 4), 10),  # an earlier build needed more than the recipe says
        (64, 20, 6.0, (2 * GIB * 4, 4), 10),  # and never less than the recipe says
        (64, 4, 5.4, None, 4),
    ],
)
def test_the_smallest_of_cores_and_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, available_gib: float, cores: int, recipe_gib: float,
    last: tuple[int, int] | None, count: int,
) -> None:  # fmt: skip
    monkeypatch.setattr(jobs, "memory", lambda: Told(available_bytes=int(available_gib * GIB)))
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    seal = Told(peak_bytes=last[0], jobs=last[1]) if last else None
    found = jobs_for(build(tmp_path, recipe_gib), seal)  # type: ignore[arg-type]
    assert found.count == count
    assert f"{RESERVE_BYTES // GIB}.00 GiB kept free" in found.why
    assert ("an earlier build" in found.why) is bool(last and last[0] / last[1] > recipe_gib * GIB)


def test_without_a_figure_nothing_is_capped_by_guess(tmp_path: Path) -> None:
    assert jobs_for(build(tmp_path, None), None) == jobs.Jobs(
        None, "the memory of one job is not known: set peak_bytes_per_job"
    )


def test_a_dockerfile_that_takes_no_number_is_given_none(tmp_path: Path) -> None:
    found = jobs_for(build(tmp_path, 5.4, "FROM scratch\nARG JOBSITE=1\n"), None)
    assert found == jobs.Jobs(None, "the Dockerfile has no ARG JOBS")


def build(folder: Path, peak_gib: float | None, text: str = "FROM scratch\narg JOBS=1\n") -> Build:
    (folder / "Dockerfile").write_text(text)
    return Build(context=str(folder), peak_bytes_per_job=int(peak_gib * GIB) if peak_gib else None)
