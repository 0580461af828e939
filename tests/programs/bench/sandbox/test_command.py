"""What a command in each tier gets and may not do, on the real kernel."""

import json
import os
import signal
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from onbox.bench.sandbox import MEMORY_BYTES, Bind, CommandResult, CommandSpec
from onbox.bench.sandbox.bubblewrap import Bubblewrap
from onbox.bench.sandbox.interior import FILE_BYTES, PROCESSES
from onbox.bench.sandbox.none import Unsafe
from onbox.bench.sandbox.probes import probe
from onbox.bench.sandbox.unprivileged import FIRST_UID, USERS
from onbox.errors import BoxError
from tests.programs.bench.sandbox.place import ALL, CLOSED, Place, alive, in_tiers, wait_for


@in_tiers(ALL)
def test_exit_code_and_output(place: Place) -> None:
    done = place.shell("echo to out; echo to err >&2; exit 3")
    assert done.exit_code == 3
    assert done.output == b"to out\nto err\n"
    assert not done.truncated


@in_tiers(ALL)
def test_missing_command_is_127_and_a_signal_is_128_more(place: Place) -> None:
    assert place.run("no-such-command").exit_code == 127
    assert place.shell("kill -TERM $$").exit_code == 128 + signal.SIGTERM


@in_tiers(ALL)
@pytest.mark.parametrize("word", ["a\0b", "\ud83d", "x" * (1 << 17)], ids=["zero", "half", "long"])
def test_words_that_no_kernel_takes_are_126(place: Place, word: str) -> None:
    assert place.run("echo", word).exit_code == 126
    assert place.run("true", env={"WORD": word}).exit_code == 126
    assert place.run("echo", "x" * ((1 << 17) - 100)).exit_code == 0


@in_tiers(ALL)
def test_a_folder_that_is_not_there_is_a_box_error(place: Place) -> None:
    place.workspace.rmdir()
    with pytest.raises(BoxError):
        place.run("true")


@in_tiers(ALL)
def test_arguments_arrive_as_they_are(place: Place) -> None:
    arguments = ["a b", "$HOME", "'", '"', "", "*", "-x"]
    program = "import json, sys; print(json.dumps(sys.argv[1:]))"
    done = place.run("python3", "-I", "-S", "-c", program, *arguments)
    assert json.loads(done.output) == arguments


@in_tiers(ALL)
def test_stdin_arrives_and_ends(place: Place) -> None:
    data = bytes(range(256)) * 4_000
    done = place.run("cat", stdin=data, output_limit_bytes=2_000_000)
    assert done.output == data


@in_tiers(ALL)
def test_stdin_that_nobody_reads_is_no_error(place: Place) -> None:
    assert place.run("true", stdin=b"x" * 1_000_000).exit_code == 0


@in_tiers(ALL)
def test_output_is_cut_at_its_limit_and_the_command_goes_on(place: Place) -> None:
    done = place.run("sh", "-c", "head -c 1000000 /dev/zero; touch finished", output_limit_bytes=1_000)
    assert done.exit_code == 0
    assert done.output == bytes(1_000)
    assert done.truncated
    assert (place.workspace / "finished").exists()


@in_tiers(ALL)
def test_environment_is_clean(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "hunter2")
    done = place.run("env", env={"EXTRA": "1"})
    names = {line.partition("=")[0] for line in done.output.decode().splitlines()}
    assert b"hunter2" not in done.output
    assert names - {"PWD", "SHLVL", "_", "OLDPWD"} == {
        *("PATH", "HOME", "TMPDIR", "LANG", "USER", "GIT_CONFIG_NOSYSTEM"),
        *("EXTRA", "APP_DIR", "TESTS_DIR"),
    }


@in_tiers(CLOSED)
def test_no_process_in_sight_shows_the_environment_of_onbox(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "hunter2")
    done = place.shell("cat /proc/[0-9]*/environ; true")
    assert b"APP_DIR=" in done.output
    assert b"hunter2" not in done.output


@in_tiers(ALL)
def test_binds_are_where_the_variables_say(place: Place) -> None:
    done = place.shell('test "$(pwd -P)" = "$APP_DIR" && cat "$TESTS_DIR/gate.sh" && echo new > "$APP_DIR/file"')
    assert (done.exit_code, done.output) == (0, b"exit 0\n")
    assert (place.workspace / "file").read_text() == "new\n"


@pytest.mark.bwrap
@in_tiers([Bubblewrap])
def test_bubblewrap_shows_binds_at_their_targets(place: Place) -> None:
    assert place.shell('echo "$APP_DIR $TESTS_DIR"').output == b"/app /tests\n"


@in_tiers(ALL)
def test_python_is_the_base_interpreter(place: Place) -> None:
    program = "import sys; print(sys.version); print(sys.prefix == sys.base_prefix)"
    for name in ("python3", "python"):
        done = place.run(name, "-c", program)
        assert done.output.decode().splitlines() == [*sys.version.splitlines(), "True"]


@in_tiers(ALL)
def test_home_and_scratch_are_private_and_fresh(place: Place) -> None:
    script = 'ls -A "$HOME" "$TMPDIR" | grep kept; mktemp >/dev/null && touch "$HOME/kept" "$TMPDIR/kept" && echo ok'
    assert [place.shell(script).output for _ in range(2)] == [b"ok\n", b"ok\n"]


@in_tiers(ALL)
def test_git_works_in_the_workspace(place: Place) -> None:
    done = place.shell("git init -q . && touch a && git add a && git -c user.name=a -c user.email=a commit -qm a")
    assert (done.exit_code, done.output) == (0, b"")


@in_tiers(CLOSED)
def test_probes_hold(place: Place) -> None:
    report = probe(place.sandbox)
    assert report.name == place.sandbox.name
    assert report.version
    assert len(report.probes) == 18
    assert [question for question in report.probes if not question.held] == []


@in_tiers(CLOSED)
def test_probes_tell_of_what_landlock_does_not_govern(place: Place) -> None:
    details = {question.name: question.detail for question in probe(place.sandbox).probes if question.detail}
    if place.sandbox.name == "sandlock":
        assert "mode" in details.pop("write_outside")
        assert "by-path" in details.pop("see_processes")
    assert {name for name, detail in details.items() if "keeps no attributes" not in detail} == set()


@in_tiers([Unsafe])
def test_probes_tell_when_nothing_holds(place: Place) -> None:
    report = probe(place.sandbox)
    # What anybody may do, and what root may do beside it; a kernel without modules refuses even root.
    others, box = report.probes[:6], {question.name: question for question in report.probes[6:]}
    assert [question.name for question in others if question.held] == []
    past_files = {
        "change_processes",
        "trace_processes",
        "watch_folders",
        "reach_sockets",
        "leave_memory",
        "call_kernel",
    }
    assert [name for name in sorted(past_files) if box[name].held] == []
    if os.getuid() == 0:
        assert not any(box[name].held for name in ("write_proc", "write_sys", "make_device", "mount"))
    assert all(question.detail for question in report.probes if not question.held)


@pytest.mark.skipif(os.getuid() != 0, reason="an ordinary user is one already")
@in_tiers(CLOSED)
def test_root_s_commands_are_an_unprivileged_user_s_on_the_host(place: Place) -> None:
    """What they write is root's on the disk all the same, whoever owned what was there."""
    (place.workspace / "given").write_text("old")
    (place.workspace / "given").chmod(0o600)
    place.workspace.chmod(0o700)
    name = f"8{os.getpid()}.{os.getppid()}"
    with ThreadPoolExecutor() as pool:
        running = pool.submit(place.shell, f"echo new > given; mkdir a; touch a/made; sleep {name}", timeout_s=5)
        assert wait_for(lambda: alive(f"sleep\0{name}"))
        uids = {Path(f"/proc/{pid}").stat().st_uid for pid in alive(f"sleep\0{name}")}
        assert running.result().exit_code is None
    assert uids
    assert all(FIRST_UID <= uid < FIRST_UID + USERS for uid in uids)
    assert (place.workspace / "given").read_text() == "new\n"
    assert {path.stat().st_uid for path in place.workspace.rglob("*")} == {0}


def test_a_probe_that_could_not_be_tried_has_not_held() -> None:
    class Mute(Unsafe):
        def run(self, spec: CommandSpec) -> CommandResult:
            return CommandResult(exit_code=0, output=b"", truncated=False, seconds=0.0)

    report = probe(Mute())
    assert [question.held for question in report.probes] == [False] * len(report.probes)
    assert len(report.probes) >= 11
    assert "could not be tried" in report.probes[0].detail


@in_tiers(CLOSED)
def test_read_only_binds_cannot_be_changed(place: Place) -> None:
    script = """
        cd "$TESTS_DIR"
        echo x >> gate.sh; rm -f gate.sh; mv gate.sh moved; mkdir new; ln -s /etc/passwd link; : > gate.sh
        mv gate.sh "$APP_DIR/"; cp "$APP_DIR/own" gate.sh; ln gate.sh "$APP_DIR/hard" && echo x >> "$APP_DIR/hard"
    """
    (place.workspace / "own").write_text("mine")
    place.shell(script)
    assert {path.name: path.read_text() for path in place.tests.iterdir()} == {"gate.sh": "exit 0\n"}


@in_tiers(CLOSED)
def test_a_link_to_a_host_file_leads_nowhere(place: Place) -> None:
    (place.workspace / "planted").symlink_to(place.outside)
    done = place.shell(f"ln -s {place.outside} made; cat planted made; echo x > planted; echo x > made")
    assert b"secret" not in done.output
    assert place.outside.read_text() == "a secret of the host"


@in_tiers(CLOSED)
def test_no_capabilities_and_no_new_privileges(place: Place) -> None:
    lines = place.run("cat", "/proc/self/status").output.decode().splitlines()
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == int(status["CapAmb"], 16) == 0
    assert status["NoNewPrivs"] == "1"


@in_tiers(CLOSED)
def test_no_socket_of_the_host_answers(place: Place, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as named, socket.socket(socket.AF_UNIX) as abstract:
        named.bind(str(tmp_path / "host.sock"))
        abstract.bind(f"\0onbox-{os.getpid()}")
        program = """
import socket, sys
for address in sys.argv[1], "\\0" + sys.argv[2]:
    try:
        socket.socket(socket.AF_UNIX).connect(address)
    except OSError as error:
        print("refused")
"""
        for listener in (named, abstract):
            listener.listen()
        done = place.run("python3", "-I", "-S", "-c", program, str(tmp_path / "host.sock"), f"onbox-{os.getpid()}")
    assert done.output == b"refused\nrefused\n"


@in_tiers(CLOSED)
def test_limits_are_those_of_the_house(place: Place) -> None:
    lines = place.run("cat", "/proc/self/limits").output.decode().splitlines()
    hard = {line[:26].strip(): line[47:68].strip() for line in lines}
    assert hard["Max file size"] == str(FILE_BYTES)
    assert hard["Max address space"] == str(MEMORY_BYTES)
    assert hard["Max core file size"] == "0"
    assert int(hard["Max cpu time"]) >= 10
    if place.sandbox.name == "bubblewrap":
        assert hard["Max processes"] == str(PROCESSES)


@in_tiers(CLOSED)
def test_files_and_memory_are_bounded(place: Place) -> None:
    assert place.shell("truncate -s 2G huge").exit_code != 0
    assert not (place.workspace / "huge").exists() or (place.workspace / "huge").stat().st_size < 2 << 30
    program = "import mmap; mmap.mmap(-1, 64 << 30)"
    assert place.run("python3", "-I", "-S", "-c", program).exit_code != 0


@in_tiers(ALL)
def test_a_bind_is_found_where_the_sandbox_says(place: Place) -> None:
    bind = Bind(place.workspace, "/app", writable=True)
    assert place.run("sh", "-c", "echo $APP_DIR").output.decode().strip() == place.sandbox.place(bind)


def test_a_probe_whose_time_was_over_has_not_held() -> None:
    """On a busy box a command may be cut off between saying that it tries and trying."""

    class Slow(Unsafe):
        def run(self, spec: CommandSpec) -> CommandResult:
            return CommandResult(exit_code=None, output=b"tried\n", truncated=False, seconds=20.0)

    report = probe(Slow())
    assert [question.held for question in report.probes] == [False] * len(report.probes)
    assert all("not done after" in question.detail for question in report.probes)
