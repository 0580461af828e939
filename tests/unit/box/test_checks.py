import dataclasses
from pathlib import Path

import pytest

from onbox.box.bandwidth import Bandwidth
from onbox.box.checks import checks
from onbox.box.gpus import Accelerator
from onbox.box.memory import Memory
from onbox.box.pressure import Pressure, Stall, desktop_session, pressure
from onbox.box.system import proxies, redact
from onbox.schema.checks import Check

MEMORY = Memory(128 << 30, 100 << 30, True, "told", swap_total_bytes=100, swap_free_bytes=100)
QUIET = Pressure(0.1, 0.1, {"memory": Stall(0.0, 0.0, 0.0, 0.0)})
GB10 = Accelerator(0, "NVIDIA GB10", unified=True, throttle_reasons=())
HEALTHY = (
    Bandwidth(231.0, "m", 1, device="NVIDIA GB10", nominal_gb_s=273.0, clock_mhz=2405, power_w=46.0),
    Bandwidth(120.0, "m", 20, device="cpu", clock_mhz=3800, foreign_cores=0.1),
)


def by_id(
    memory: Memory = MEMORY, load: Pressure = QUIET, measured: tuple[Bandwidth, ...] = HEALTHY
) -> dict[str, Check]:
    return {each.id: each for each in checks(memory, load, (GB10,), measured, {})}


def test_a_healthy_spark_passes_everything() -> None:
    assert {each.status for each in by_id().values()} == {"pass"}


def test_the_pinned_clock_fails_and_names_the_power_cycle() -> None:
    slow = (dataclasses.replace(HEALTHY[0], clock_mhz=702, power_w=24.0), HEALTHY[1])
    found = by_id(measured=slow)
    assert found["gb10.sm_clock_under_load"].status == "fail"
    assert "unplug the power supply" in found["gb10.sm_clock_under_load"].hint
    assert found["gb10.power_under_load"].status == "warn"


def test_little_power_at_a_good_clock_is_no_fault() -> None:
    measured = (dataclasses.replace(HEALTHY[0], power_w=30.0), HEALTHY[1])
    assert by_id(measured=measured)["gb10.power_under_load"].status == "pass"


def test_a_slow_processor_fails() -> None:
    measured = (HEALTHY[0], dataclasses.replace(HEALTHY[1], clock_mhz=1400))
    assert by_id(measured=measured)["gb10.cpu_clock_under_load"].status == "fail"


def test_what_was_not_observed_is_unknown_and_not_passed() -> None:
    found = by_id(
        memory=dataclasses.replace(MEMORY, swap_total_bytes=None),
        load=Pressure(None, None, {}),
        measured=(),
    )
    for name in ("gb10.sm_clock_under_load", "gb10.power_under_load", "memory.swap_used", "memory.stall"):
        assert found[name].status == "unknown"
        assert found[name].observed is None


def test_more_than_nominal_is_impossible_and_far_less_is_doubtful() -> None:
    above = by_id(measured=(dataclasses.replace(HEALTHY[0], read_gb_s=280.0), HEALTHY[1]))
    far_less = by_id(measured=(dataclasses.replace(HEALTHY[0], read_gb_s=100.0), HEALTHY[1]))
    assert above["bandwidth.share_of_nominal.NVIDIA GB10"].status == "fail"
    assert far_less["bandwidth.share_of_nominal.NVIDIA GB10"].status == "warn"


def test_busy_neighbours_and_swap_are_warned_about() -> None:
    found = by_id(
        memory=dataclasses.replace(MEMORY, swap_free_bytes=10),
        load=Pressure(4.0, 4.0, {"memory": Stall(12.0, 3.0, 1.0, 0.0)}),
        measured=(HEALTHY[0], dataclasses.replace(HEALTHY[1], foreign_cores=1.7)),
    )
    assert [found[name].status for name in ("memory.swap_used", "memory.stall", "bandwidth.quiet.cpu")] == ["warn"] * 3


def test_the_tor_proxy_of_the_story_is_noticed() -> None:
    found = checks(MEMORY, QUIET, (), (), {"HTTPS_PROXY": "socks5h://localhost:9050", "no_proxy": "x:9050"})
    assert [each.observed for each in found if each.id == "network.proxy"] == ["HTTPS_PROXY=socks5h://localhost:9050"]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://user:secret@proxy.lan:3128/", "http://***@proxy.lan:3128/"),
        ("user:secret@proxy.lan:3128", "***@proxy.lan:3128"),
        ("http://user:p@ss@proxy.lan:3128", "http://***@proxy.lan:3128"),
        ("http://proxy.lan:3128", "http://proxy.lan:3128"),
        ("socks5h://localhost:9050", "socks5h://localhost:9050"),
        ("http://[broken@secret", "***"),
    ],
)
def test_credentials_never_show(url: str, shown: str) -> None:
    assert redact(url) == shown


def test_proxies_come_from_both_spellings() -> None:
    environ = {"HTTPS_PROXY": "http://a:b@c:1", "no_proxy": "localhost", "PATH": "/bin"}
    assert proxies(environ) == {"HTTPS_PROXY": "http://***@c:1", "no_proxy": "localhost"}


def test_pressure_reads_what_the_kernel_tells(tmp_path: Path) -> None:
    (tmp_path / "memory").write_text(
        "some avg10=1.50 avg60=0.25 avg300=0.00 total=1\nfull avg10=0.50 avg60=0.00 avg300=0.00 total=1\n"
    )
    assert pressure(tmp_path).stalls == {"memory": Stall(1.5, 0.25, 0.5, 0.0)}
    assert pressure(tmp_path / "missing").stalls == {}


def test_a_graphical_session_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert desktop_session(tmp_path / "missing") is None
    (tmp_path / "1").write_text("TYPE=tty\nCLASS=user\n")
    (tmp_path / "2").write_text("TYPE=wayland\nCLASS=greeter\n")
    assert desktop_session(tmp_path) is False
    (tmp_path / "3").write_text("TYPE=wayland\nCLASS=user\n")
    assert desktop_session(tmp_path) is True
