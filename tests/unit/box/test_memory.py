from pathlib import Path

import pytest

from onbox.box.describe import reserve_bytes, unified
from onbox.box.gpus import Accelerator
from onbox.box.memory import memory, read_meminfo

SPARK = """MemTotal:       127600748 kB
MemFree:         2904000 kB
MemAvailable:   54525952 kB
SwapTotal:      16777212 kB
SwapFree:       10485760 kB
HugePages_Total:       {pages}
HugePages_Free:        {free}
Hugepagesize:       2048 kB
"""
KIB = 1024


@pytest.fixture
def meminfo(tmp_path: Path) -> Path:
    path = tmp_path / "meminfo"
    path.write_text(SPARK.format(pages=0, free=0))
    return path


def test_unified_memory_counts_available_and_free_swap(meminfo: Path, tmp_path: Path) -> None:
    observation = memory(unified=True, meminfo=meminfo, cgroup=tmp_path)
    assert observation.total_bytes == 127600748 * KIB
    assert observation.available_bytes == (54525952 + 10485760) * KIB
    assert observation.hugetlb_free_bytes is None
    assert observation.free_bytes == 2904000 * KIB


def test_a_hugetlb_pool_is_what_unified_memory_can_give(meminfo: Path, tmp_path: Path) -> None:
    meminfo.write_text(SPARK.format(pages=30000, free=20000))
    observation = memory(unified=True, meminfo=meminfo, cgroup=tmp_path)
    assert observation.available_bytes == 20000 * 2048 * KIB


def test_swap_does_not_count_on_other_memory(meminfo: Path, tmp_path: Path) -> None:
    assert memory(unified=False, meminfo=meminfo, cgroup=tmp_path).available_bytes == 54525952 * KIB


def test_a_control_group_limit_counts_on_host_memory_and_not_on_unified(meminfo: Path, tmp_path: Path) -> None:
    group = tmp_path / "cgroup"
    group.mkdir()
    (group / "memory.max").write_text("8589934592\n")
    (group / "memory.current").write_text("3221225472\n")
    (group / "memory.stat").write_text("anon 5\ninactive_file 1073741824\n")
    assert memory(unified=False, meminfo=meminfo, cgroup=group).available_bytes == 6 << 30
    observation = memory(unified=True, meminfo=meminfo, cgroup=group)
    assert observation.available_bytes == (54525952 + 10485760) * KIB
    assert observation.cgroup_limit_bytes == 8 << 30


def test_what_the_kernel_does_not_tell_is_none(tmp_path: Path) -> None:
    observation = memory(meminfo=tmp_path / "missing", cgroup=tmp_path)
    assert observation.swap_total_bytes is None
    assert observation.free_bytes is None
    assert observation.total_bytes > 0


def test_meminfo_lines_that_are_no_numbers_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "meminfo"
    path.write_text("MemTotal: much kB\nMemFree: 1 kB\n\nodd\n")
    assert read_meminfo(path) == {"MemFree": 1024}


@pytest.mark.parametrize(
    ("lines", "expected"), [([], False), ([False], False), ([None], None), ([False, None], None), ([True, None], True)]
)
def test_unified_needs_somebody_to_say_so(lines: list[bool | None], expected: bool | None) -> None:
    devices = tuple(Accelerator(index, None, unified=each) for index, each in enumerate(lines))
    assert unified(devices) is expected


def test_a_desktop_is_left_more() -> None:
    total = 127600748 * KIB
    assert reserve_bytes(total, True) - reserve_bytes(total, False) == 4 << 30
    assert reserve_bytes(24 << 30, None) == 2 << 30
    assert reserve_bytes(8 << 30, None) == 1 << 30
    assert reserve_bytes(total, False, unified=True) > reserve_bytes(total, False)
