"""The pictures of the report, as far as they hold numbers."""

import re

from onbox.evidence.records import Phase
from onbox.report.charts import LANE, timeline

PHASES = (
    Phase(name="load", seconds=30.0, peak_bytes=2_000_000_000),
    Phase(name="compile", seconds=60.0, peak_bytes=4_000_000_000),
)


def test_a_timeline_is_as_wide_as_time_and_as_high_as_memory() -> None:
    drawn = str(timeline(PHASES, longest_s=120.0, largest_bytes=8_000_000_000))
    assert re.findall(r'class="phase \w+" x="([\d.]+)%" width="([\d.]+)%"', drawn) == [
        ("0.0", "25.0"),
        ("25.0", "50.0"),
    ]
    heights = [float(height) for height in re.findall(r'class="held" .*?height="([\d.]+)"', drawn)]
    assert heights == [LANE / 4, LANE / 2]
    assert 'aria-label="load 30 s, 2.00 GB held, compile 60 s, 4.00 GB held"' in drawn


def test_a_start_whose_memory_nobody_saw_has_one_lane() -> None:
    drawn = str(timeline((Phase(name="load", seconds=3.0),), 3.0, 0))
    assert f'height="{LANE}" role' in drawn
    assert "held" not in drawn
