"""A command that fills the disk by many files is ended, and what it is held to is what it has there."""

import os
from pathlib import Path

import pytest

from onbox.bench.sandbox.disk_watch import measured
from tests.programs.bench.sandbox.place import ALL, CLOSED, Place, in_tiers

MIB = 2**20
MANY = "for n in $(seq 400); do head -c 1048576 /dev/zero > f$n; sleep 0.02; done"
NAMELESS = """
import os, time
held = []
for n in range(400):
    held.append(open("f", "wb"))
    held[-1].write(b"0" * 1_048_576)
    held[-1].flush()
    os.unlink("f")
    time.sleep(0.02)
"""
EMPTY = "for n in $(seq 200); do touch $n.{1..50}; sleep 0.02; done"
AFTER = """
for n in $(seq 20); do head -c 1048576 /dev/zero > f$n; done
while :; do head -c 4194304 /dev/zero > more; sleep 0.3; rm more; sleep 0.3; done
"""
HOLES = "for n in $(seq 100); do truncate -s 1G f$n; done; head -c 16777216 /dev/zero > g; echo whole"


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onbox.bench.sandbox.disk_watch.BYTES_MAX", 32 * MIB)
    monkeypatch.setattr("onbox.bench.sandbox.disk_watch.FILES_MAX", 1000)


@in_tiers(ALL)
def test_many_files_end_the_command(place: Place) -> None:
    done = place.run("bash", "-c", MANY, timeout_s=120)
    assert (done.exit_code, done.over_disk) == (None, True)
    assert len(list(place.workspace.iterdir())) < 400


@in_tiers(ALL)
def test_files_that_have_no_name_any_more_count(place: Place) -> None:
    done = place.run("python3", "-c", NAMELESS, timeout_s=120)
    assert (done.exit_code, done.over_disk) == (None, True)


@in_tiers(ALL)
def test_files_without_content_count(place: Place) -> None:
    if os.statvfs(place.workspace).f_files == 0:
        pytest.skip("this file system has no number of files: only their room is bounded")
    assert place.run("bash", "-c", EMPTY, timeout_s=120).over_disk


@in_tiers(ALL)
def test_what_commands_before_it_wrote_counts(place: Place) -> None:
    first = place.run("bash", "-c", "head -c 20971520 /dev/zero > first")
    assert (first.exit_code, first.over_disk) == (0, False)
    done = place.run("bash", "-c", AFTER, timeout_s=120)
    assert (done.exit_code, done.over_disk) == (None, True), "by itself it has 24 MiB at most"


@in_tiers(CLOSED)
def test_holes_take_no_room(place: Place) -> None:
    done = place.run("bash", "-c", HOLES, timeout_s=120)
    assert (done.exit_code, done.over_disk, done.output) == (0, False, b"whole\n")


@in_tiers(CLOSED)
def test_room_is_taken_by_writing_alone(place: Place) -> None:
    reserve = "import os; f = open('f', 'wb'); os.posix_fallocate(f.fileno(), 0, 4096); print(os.stat('f').st_size)"
    assert place.run("python3", "-c", reserve).output == b"4096\n", "the C library writes where it cannot reserve"
    if place.run("sh", "-c", "command -v fallocate").exit_code == 0:
        assert place.run("fallocate", "-l", "1M", "g").exit_code != 0


def test_a_folder_that_cannot_be_looked_at_is_known_to_be_there(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x" * MIB)
    held = measured([tmp_path], os.getpid(), 1 << 40, 1 << 20)
    assert (held.bytes >= MIB, held.unseen) == (True, False)
    gone = measured([tmp_path / "none"], os.getpid(), 1 << 40, 1 << 20)
    assert gone.unseen


def test_measuring_ends_at_the_bound(tmp_path: Path) -> None:
    for n in range(100):
        (tmp_path / str(n)).touch()
    assert measured([tmp_path], os.getpid(), 1 << 40, 10).files == 11
