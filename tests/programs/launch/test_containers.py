"""The adapter for docker and podman: what it reads of their answers, and what it does when there is none."""

import stat
from pathlib import Path

import pytest

from onbox.errors import BoxError, UsageError
from onbox.launch.containers import ContainerClient, find_container, installed_clients, running_containers
from onbox.launch.containers.info import container_of, image_of

RUNNING = {
    "Id": "abc",
    "Name": "/daily",
    "Path": "vllm",
    "Args": ["serve", "/model"],
    "State": {"Running": True, "Status": "running", "Pid": 42, "ExitCode": 0},
    "Config": {"Image": "org/vllm:1", "Labels": {"onbox": "daily"}},
    "HostConfig": {"AutoRemove": True},
}


def program(folder: Path, name: str, body: str) -> None:
    """A program of that name on the PATH."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def bin_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_a_running_container_has_a_pid_and_no_exit_code() -> None:
    found = container_of("docker", RUNNING)
    assert (found.name, found.pid, found.exit_code, found.removed_at_end) == ("daily", 42, None, True)
    assert found.command == ("vllm", "serve", "/model")
    assert found.labels == {"onbox": "daily"}


def test_a_stopped_container_has_an_exit_code_and_no_pid() -> None:
    given = RUNNING | {"State": {"Running": False, "Status": "exited", "Pid": 0, "ExitCode": 137}}
    found = container_of("docker", given)
    assert (found.pid, found.exit_code, found.status) == (None, 137, "exited")


def test_what_an_answer_leaves_out_is_unknown() -> None:
    found = container_of("podman", {})
    assert (found.pid, found.exit_code, found.status, found.labels) == (None, None, "unknown", {})
    assert image_of({}).kernels is None


def test_an_image_shows_the_chips_of_its_kernels() -> None:
    found = image_of({"Id": "i", "Config": {"Env": ["TORCH_CUDA_ARCH_LIST=9.0+PTX;12.1a", "A"]}, "Size": 3})
    assert found.kernels == ("9.0+PTX", "12.1a")


def test_a_program_that_is_missing_is_one_line_with_what_to_install(bin_folder: Path) -> None:
    assert installed_clients() == ()
    assert running_containers() == ()
    with pytest.raises(BoxError, match="docker is not installed") as result:
        ContainerClient("docker").ask("version")
    assert result.value.next_step == "apt install docker.io"
    with pytest.raises(BoxError, match="neither docker nor podman"):
        find_container("daily")


def test_an_answer_that_is_no_json_is_no_container(bin_folder: Path) -> None:
    program(bin_folder, "docker", "echo nonsense")
    client = ContainerClient("docker")
    assert client.answers()
    assert client.container("daily") is None
    assert client.image("org/vllm:1") is None
    with pytest.raises(UsageError, match="daily: no such container"):
        find_container("daily")


def test_a_failure_is_its_last_line(bin_folder: Path) -> None:
    program(bin_folder, "docker", "echo first >&2; echo 'no such image' >&2; exit 1")
    with pytest.raises(BoxError, match="docker pull: no such image"):
        ContainerClient("docker").ask("pull", "x")
    assert not ContainerClient("docker").answers()


def test_a_program_that_does_not_answer_is_given_up(bin_folder: Path) -> None:
    program(bin_folder, "docker", "exec /bin/sleep 60")
    with pytest.raises(BoxError, match=r"docker ps: no answer within 0\.2 s"):
        ContainerClient("docker").call("ps", timeout_s=0.2)
