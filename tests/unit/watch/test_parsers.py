"""What is read from the kernel, from logs and from counters, on text as they write it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from onbox.watch.cgroups import Cgroups, groups_of, parse_io_stat, parse_service_bytes, short_name
from onbox.watch.engine_counters import DONE, RUNNING, WAITING, parse_tokens
from onbox.watch.logs import FileLog, LineCutter, form, fraction
from onbox.watch.machine import parse_diskstats, parse_meminfo, parse_stall
from onbox.watch.phases import phase_of_command
from onbox.watch.procfs import TICKS_PER_S, parse_stat

STAT = (
    b"4316 (VLLM::(odd) name) S 77 4316 4316 0 -1 4194560 1000 200 30 4 500 250 25 5 20 0 41 0 123456 900000000 5000 "
    b"18446744073709551615 1 1 0 0 0 0 0 16781312 16384 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0"
)


def test_a_process_and_the_children_it_waited_for() -> None:
    stat = parse_stat(STAT)
    assert (stat.name, stat.state, stat.parent, stat.session) == ("VLLM::(odd) name", "S", 77, 4316)
    assert stat.cpu_s == (500 + 250 + 25 + 5) / TICKS_PER_S
    assert stat.faults == 1000 + 200 + 30 + 4
    assert (stat.threads, stat.started_ticks) == (41, 123456)


def test_memory_and_stalls() -> None:
    memory = b"MemTotal:       127600748 kB\nMemFree:  1 kB\nMemAvailable:   52428800 kB\nBuffers: 3 kB\n"
    assert parse_meminfo(memory) == {"MemTotal": 127600748 * 1024, "MemAvailable": 50 << 30}
    stall = (
        b"some avg10=1.00 avg60=0.50 avg300=0.10 total=2500000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=40000\n"
    )
    assert parse_stall(stall, b"some") == 2.5
    assert parse_stall(stall, b"full") == 0.04
    assert parse_stall(b"", b"full") is None


def test_disks_are_counted_once() -> None:
    line = b"%s 0 %s 10 0 2000 0 10 0 4000 0 0 0 0\n"
    names = (b"loop0", b"zram0", b"vda", b"vda1", b"nvme0n1", b"nvme0n1p2", b"sdb", b"sdb3", b"dm-0")
    assert parse_diskstats(b"".join(line % (b"259", name) for name in names)) == (3 * 2000 * 512, 3 * 4000 * 512)


def test_control_groups_of_both_versions() -> None:
    assert parse_io_stat("259:0 rbytes=4096 wbytes=100 rios=1\n8:0 rbytes=1 wbytes=1 rios=1\n") == (4097, 101)
    assert parse_io_stat("") == (None, None)
    assert parse_service_bytes("254:0 Read 100\n254:0 Write 7\n254:0 Total 107\nTotal 107\n") == (100, 7)
    assert parse_service_bytes("Total 0\n") == (None, None)
    one = "5:memory:/docker/ab\n2:cpu,cpuacct:/docker/abcdef\n0::/\n"
    assert groups_of(one, unified=False) == "docker/abcdef"
    assert groups_of("0::/system.slice/docker-ab.scope\n", unified=True) == "system.slice/docker-ab.scope"
    assert short_name("system.slice/docker-0123456789abcdef.scope") == "0123456789ab"


def test_a_container_of_version_two_is_noticed_with_all_its_counters(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpu io memory pids\n")
    cgroups = Cgroups(newcomers=True, root=tmp_path)
    folder = tmp_path / "system.slice" / "docker-0123456789abcdef.scope"
    folder.mkdir(parents=True)
    (folder / "cgroup.procs").write_text("11\n12\n")
    (folder / "cpu.stat").write_text("usage_usec 5000000\nuser_usec 1\nthrottled_usec 1500000\n")
    (folder / "io.stat").write_text("259:0 rbytes=10 wbytes=20\n")
    (folder / "memory.current").write_text("1048576\n")
    (tmp_path / "system.slice" / "ssh.service").mkdir()
    assert cgroups.refresh() == (11, 12)
    (group,) = cgroups.read()
    assert (group.name, group.read_bytes, group.write_bytes) == ("0123456789ab", 10, 20)
    # It was born under the watch: all its time counts, though it was noticed late. Of an older one only what is new.
    assert (group.memory_bytes, group.throttled_s, group.cpu_s) == (1048576, 1.5, 5.0)
    older = Cgroups(("system.slice/docker-0123456789abcdef.scope",), root=tmp_path)
    assert older.read()[0].cpu_s == 0.0
    (folder / "cpu.stat").write_text("usage_usec 7500000\n")
    assert (cgroups.read()[0].cpu_s, older.read()[0].cpu_s) == (7.5, 2.5)


@pytest.mark.parametrize(
    ("line", "share"),
    [
        ("Loading safetensors checkpoint shards:  40% Completed | 6/15 [00:09<00:13]", 0.4),
        ("Capturing CUDA graphs (mixed prefill-decode, PIECEWISE): 5/83", 5 / 83),
        ("[12/48] Building CUDA object moe.o", 0.25),
        ("version 0.32.0 of 2026", None),
        ("listening on http://127.0.0.1:18083", None),
        ("110 % of what was asked", None),
        ("0/0", None),
    ],
)
def test_how_far_a_line_says_that_it_is(line: str, share: float | None) -> None:
    assert fraction(line) == share


@given(st.text(max_size=80))
def test_any_line_has_a_form_and_maybe_a_share(line: str) -> None:
    share = fraction(line)
    assert share is None or 0 <= share <= 1
    assert form(form(line)) == form(line)


@pytest.mark.parametrize(
    ("command", "phase"),
    [
        ("docker pull busybox", "fetch"),
        ("/usr/bin/docker load -i x.tar", "unpack"),
        ("docker image pull x", "fetch"),
        ("docker build -t x .", "build"),
        ("skopeo copy docker://x oci:y", "fetch"),
        ("hf download org/name", "fetch"),
        ("curl -O http://x/y", "fetch"),
        ("nvcc -c k.cu", "build"),
        ("tar -xf a.tar", "unpack"),
        ("vllm serve load", "start"),
        ("python3 -c pass", "start"),
    ],
)
def test_a_command_is_a_phase(command: str, phase: str) -> None:
    assert phase_of_command(tuple(command.split())) == phase


def test_counters_of_engines() -> None:
    vllm = (
        "# HELP vllm:num_requests_running x\n"
        'vllm:num_requests_running{engine="0",model_name="m"} 1.0\n'
        'vllm:num_requests_waiting{engine="0",model_name="m"} 2.0\n'
        'vllm:generation_tokens_total{engine="0",model_name="m"} 100.0\n'
        'vllm:prompt_tokens_total{engine="0",model_name="m"} 1.5e+01\n'
        'vllm:generation_tokens_created{engine="0",model_name="m"} 1.7e+09\n'
    )
    tokens = parse_tokens(vllm)
    assert tokens is not None
    assert (tokens.running, tokens.waiting, tokens.done) == (1, 2, 115)
    assert parse_tokens("python_gc_objects_collected_total 3\n") is None


LABEL = st.text(st.characters(codec="utf-8", exclude_characters="\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"), max_size=8)


def escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


@given(
    st.lists(
        st.tuples(
            st.sampled_from([*RUNNING, *WAITING, *DONE, "process_cpu_seconds_total", "vllm:other"]),
            LABEL,
            st.floats(0, 1e12) | st.integers(0, 10**9),
            st.sampled_from(["", " 1700000000000"]),
        ),
        max_size=6,
    )
)
def test_counters_are_read_as_prometheus_client_reads_them(lines: list[tuple[str, str, float, str]]) -> None:
    text = "".join(f'{name}{{model="{escaped(label)}"}} {value}{at}\n' for name, label, value, at in lines)
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    wanted = [sum(each.value for each in samples if each.name in names) for names in (RUNNING, WAITING, DONE)]
    counts = parse_tokens(text)
    if not any(each.name in (*RUNNING, *WAITING, *DONE) for each in samples):
        assert counts is None
    else:
        assert counts is not None
        assert [counts.running, counts.waiting, counts.done] == pytest.approx(wanted)


@pytest.mark.parametrize("value", ["NaN", "+Inf", "", "x", "1e999", "--1"])
def test_a_value_that_is_no_count_is_left_out(value: str) -> None:
    assert parse_tokens(f"vllm:num_requests_running {value}\n") is None


class TestLineCutter:
    """Bars that move, and one that stands still."""

    def cutter(self) -> LineCutter:
        self.now = 0.0
        return LineCutter(lambda: self.now)

    def test_each_state_of_a_bar_is_a_line(self) -> None:
        assert self.cutter().cut(b"\rload 1%\rload 2%\rload") == ["load 1%", "load 2%"]

    def test_a_bar_that_stands_still_is_reported_once(self) -> None:
        cutter = self.cutter()
        assert cutter.cut(b"\rCapturing 0/83") == []
        assert cutter.cut(b"") == []
        self.now = 1.0
        assert cutter.cut(b"") == ["Capturing 0/83"]
        self.now = 9.0
        assert cutter.cut(b"") == []
        assert cutter.cut(b"\rCapturing 1/83\r") == ["Capturing 1/83"]

    def test_a_line_that_goes_on_is_reported_whole(self) -> None:
        cutter = self.cutter()
        assert cutter.cut(b"loading ...") == []
        self.now = 1.0
        assert cutter.cut(b"") == ["loading ..."]
        assert cutter.cut(b" done\n") == ["loading ... done"]


def test_a_log_that_grows_and_starts_anew(tmp_path: Path) -> None:
    path = tmp_path / "engine.log"
    log = FileLog(path)
    assert log.read() == []
    path.write_bytes(b"2026-11-24T10:00:00.000Z +    1.234 first\nsecond\rthird 10%\rhal")
    assert log.read() == ["first", "second", "third 10%"]
    path.write_bytes(path.read_bytes() + b"f\x1b[0m\n")
    assert log.read() == ["half [0m"]
    path.write_bytes(b"anew\n")
    assert log.read() == ["anew"]
