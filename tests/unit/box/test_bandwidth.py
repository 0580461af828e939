from pathlib import Path

from onbox.box.bandwidth import cpu_bandwidth, last_level_cache_bytes
from onbox.box.nominal import nominal


def test_the_measured_rate_is_consistent_with_its_parts() -> None:
    observation = cpu_bandwidth(data_bytes=32 << 20, repeats=3)
    assert observation.by_threads is not None
    assert observation.median_gb_s is not None
    assert observation.read_gb_s == max(observation.by_threads.values())
    assert observation.by_threads[observation.threads] == observation.read_gb_s
    assert 0 < observation.median_gb_s <= observation.read_gb_s
    assert observation.nominal_gb_s is None


def test_shared_caches_are_counted_once_and_only_the_last_level(tmp_path: Path) -> None:
    parts = [(0, 2, "0", "1024K"), (1, 2, "1", "1024K"), (0, 3, "0-1", "32M"), (1, 3, "0-1", "32M")]
    for cpu, level, shared, size in parts:
        index = tmp_path / f"cpu{cpu}" / "cache" / f"index{level}"
        index.mkdir(parents=True)
        (index / "level").write_text(f"{level}\n")
        (index / "shared_cpu_list").write_text(f"{shared}\n")
        (index / "size").write_text(f"{size}\n")
    assert last_level_cache_bytes(tmp_path) == 32 << 20
    assert last_level_cache_bytes(tmp_path / "cpu0" / "nothing") is None


def test_nominal_values_go_by_the_device_name() -> None:
    spark, laptop = nominal("NVIDIA GB10"), nominal("NVIDIA GeForce RTX 4090 Laptop GPU")
    assert spark is not None
    assert spark.gb_s == 273.0
    assert laptop is None
    assert nominal("NVIDIA GH200 480GB") != nominal("NVIDIA H200")
    assert nominal(None) is None
