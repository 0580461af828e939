"""Harbor and Inspect AI do a builtin task beside onbox, on the same scripted model (`bench/overhead_beside.py`)."""

from pathlib import Path

import pytest
from bench.overhead_beside import WAYS, Way, beyond_s, model, under_way_s

RUNS = 2


def test_time_at_the_server_counts_once(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("5000000000 7000000000\n1000000000 2000000000\n6000000000 8000000000\n5500000000 5600000000\n")
    assert under_way_s(log) == 4.0


@pytest.mark.bwrap
@pytest.mark.formats
@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_each_passes_the_task(way: Way, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with model(log) as url:
        assert beyond_s(way, url, log, RUNS) > 0
    request = len(log.read_text().splitlines())
    assert request == 0 if way.name == "Harbor, oracle" else request >= 2 * RUNS
