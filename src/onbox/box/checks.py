"""Doubts about this box as sentences: what was seen, why it matters, what to do.

A slow state of GB10 looks healthy to every status command. Thresholds are those that owners reported: SM clock pinned
at 500-850 MHz or power capped near 30 W under load (a USB-PD or firmware fault: 24-28 tok/s were measured in
place of 50-53), processor cores stuck below 2 GHz (docs/spark.md).
"""

from urllib.parse import urlsplit

from onbox.box.bandwidth import Bandwidth
from onbox.box.gpus import Accelerator
from onbox.box.memory import Memory
from onbox.box.pressure import Pressure
from onbox.schema.checks import Check, Status

PINNED_SM_CLOCK_MHZ = 900.0
CAPPED_POWER_W = 32.0
SLOW_CPU_CLOCK_MHZ = 2000.0
LOW_SHARE_OF_NOMINAL = 0.6
POWER_CYCLE = "shut down, unplug the power supply for a minute, plug it straight into the wall, start again"


def checks(
    memory: Memory,
    pressure: Pressure,
    accelerators: tuple[Accelerator, ...],
    measured: tuple[Bandwidth, ...],
    proxies: dict[str, str],
) -> tuple[Check, ...]:
    """All rules that apply to this box."""
    found = [_swap(memory), _stalled(pressure), *_proxied(proxies)]
    found += [_quiet(each) for each in measured if each.foreign_cores is not None]
    found += [_against_nominal(each) for each in measured if each.nominal_gb_s is not None]
    for device in accelerators:
        found.append(_throttled(device))
        if device.mig:
            found.append(_split(device))
        if device.name and "GB10" in device.name:
            mine = [each for each in measured if each.device == device.name and each.index in (None, device.index)]
            gpu = mine[0] if mine else None
            cpu = next((each for each in measured if each.device == "cpu"), None)
            found += [
                below(
                    "gb10.sm_clock_under_load",
                    gpu.clock_mhz if gpu else None,
                    PINNED_SM_CLOCK_MHZ,
                    "MHz",
                    "SM clock while the read kernel ran; 500-850 MHz is the pinned slow state",
                    POWER_CYCLE,
                ),
                _power_cap(gpu),
                below(
                    "gb10.cpu_clock_under_load",
                    cpu.clock_mhz if cpu else None,
                    SLOW_CPU_CLOCK_MHZ,
                    "MHz",
                    "highest processor clock while memory was read; below 2 GHz decode becomes host-bound",
                    f"set the cpufreq governor to performance; if the clock stays low, {POWER_CYCLE}",
                ),
            ]
    return tuple(found)


def below(id_: str, observed: float | None, threshold: float, unit: str, evidence: str, hint: str) -> Check:
    """A rule that fails below a threshold, and is unknown where nothing was observed."""
    if observed is None:
        return Check(id_, Status.UNKNOWN, None, threshold, unit, evidence)
    bad = observed < threshold
    return Check(id_, Status.FAIL if bad else Status.PASS, observed, threshold, unit, evidence, hint if bad else "")


def _power_cap(gpu: Bandwidth | None) -> Check:
    """Low power alone is no fault (a bandwidth test draws little); with a low clock beside it, it is."""
    evidence = "highest power draw while the read kernel ran; a cap near 30 W with low clocks is the slow state"
    if gpu is None or gpu.power_w is None:
        return Check("gb10.power_under_load", Status.UNKNOWN, None, CAPPED_POWER_W, "W", evidence)
    low_clock = gpu.clock_mhz is not None and gpu.clock_mhz < 1500
    bad = gpu.power_w < CAPPED_POWER_W and low_clock
    return Check(
        "gb10.power_under_load",
        Status.WARN if bad else Status.PASS,
        round(gpu.power_w, 1),
        CAPPED_POWER_W,
        "W",
        evidence,
        POWER_CYCLE if bad else "",
    )


def _swap(memory: Memory) -> Check:
    total, free = memory.swap_total_bytes, memory.swap_free_bytes
    if total is None or free is None:
        return Check("memory.swap_used", Status.UNKNOWN, None, 20.0, "percent", "the system does not report its swap")
    used = 100.0 * (total - free) / total if total else 0.0
    bad = used > 20
    hint = "close the programs that were swapped out, or the model may be swapped too" if bad else ""
    return Check(
        "memory.swap_used",
        Status.WARN if bad else Status.PASS,
        round(used, 1),
        20.0,
        "percent",
        "swap in use now",
        hint,
    )


def _stalled(pressure: Pressure) -> Check:
    stall = pressure.stalls.get("memory")
    share = stall.some_avg10 if stall else None
    evidence = "share of the last 10 s in which some task waited for memory (/proc/pressure/memory)"
    if share is None:
        return Check("memory.stall", Status.UNKNOWN, None, 1.0, "percent", evidence)
    bad = share > 1
    hint = "some task already lacks memory; free some before a model is loaded" if bad else ""
    return Check("memory.stall", Status.WARN if bad else Status.PASS, share, 1.0, "percent", evidence, hint)


def _quiet(measured: Bandwidth) -> Check:
    assert measured.foreign_cores is not None
    bad = measured.foreign_cores > 0.5
    return Check(
        f"bandwidth.quiet.{measured.device}",
        Status.WARN if bad else Status.PASS,
        measured.foreign_cores,
        0.5,
        "cores",
        "cores that other processes kept busy while bandwidth was measured",
        "measure again on a quiet box: the value is too low" if bad else "",
    )


def _against_nominal(measured: Bandwidth) -> Check:
    assert measured.nominal_gb_s is not None
    share = measured.read_gb_s / measured.nominal_gb_s
    evidence = "measured read bandwidth as a share of the maker's number"
    id_ = f"bandwidth.share_of_nominal.{measured.device}" + (f".{measured.index}" if measured.index else "")
    if share > 1:
        hint = "impossible: the nominal table or the measurement is wrong; please report it"
        return Check(id_, Status.FAIL, round(share, 3), 1.0, "share", evidence, hint)
    bad = share < LOW_SHARE_OF_NOMINAL
    hint = "check clocks, power and who else uses this memory" if bad else ""
    return Check(
        id_, Status.WARN if bad else Status.PASS, round(share, 3), LOW_SHARE_OF_NOMINAL, "share", evidence, hint
    )


def _throttled(device: Accelerator) -> Check:
    id_ = f"gpu{device.index}.throttle"
    evidence = "clock limits that the driver reports now, without idleness"
    if device.throttle_reasons is None:
        return Check(id_, Status.UNKNOWN, None, None, "", evidence)
    bad = any(reason.startswith(("hw_", "sw_thermal")) for reason in device.throttle_reasons)
    hint = "check cooling and power supply before any number counts" if bad else ""
    return Check(id_, Status.WARN if bad else Status.PASS, ", ".join(device.throttle_reasons), None, "", evidence, hint)


def _split(device: Accelerator) -> Check:
    return Check(
        f"gpu{device.index}.mig",
        Status.UNKNOWN,
        "split into instances",
        None,
        "",
        "MIG: memory and bandwidth of an instance are not those of the device, and are not known here",
        "what is reported for this device does not apply to its instances",
    )


def _proxied(proxies: dict[str, str]) -> list[Check]:
    slow = {
        name: url
        for name, url in proxies.items()
        if name.lower() != "no_proxy" and (url.startswith("socks") or urlsplit(url).port == 9050)
    }
    return [
        Check(
            "network.proxy",
            Status.WARN,
            f"{name}={url}",
            None,
            "",
            "a SOCKS proxy (Tor listens on 9050) slows downloads of many GB to a crawl",
            f"unset {name} for downloads",
        )
        for name, url in slow.items()
    ]
