"""What made room is brought back by a process of its own, which may be ended by others."""

import pytest

from onbox.errors import BoxError
from onbox.launch import started_engines, swap_out
from onbox.launch.containers import ContainerInfo
from onbox.launch.swap_out import SwapOut


class StoppedContainer:
    """A container that stops at once, and is started again by a command that does nothing."""

    def __init__(self, program: str) -> None:
        self.program = program

    def start_command(self, name: str) -> tuple[str, ...]:
        return ("true", name)

    def stop(self, name: str, *, grace_s: float) -> bool:
        return True


@pytest.fixture
def daily(monkeypatch: pytest.MonkeyPatch) -> SwapOut:
    monkeypatch.setattr(started_engines, "find", lambda name: None)
    monkeypatch.setattr(swap_out, "ContainerClient", StoppedContainer)
    monkeypatch.setattr(swap_out, "_container", lambda name: ContainerInfo("docker", "0", name, 1, "daily:local", ()))
    return SwapOut("daily")


def test_it_goes_when_somebody_else_brings_it_back(daily: SwapOut) -> None:
    with daily:
        daily.keep()
    assert daily._restorer.returncode == 0


def test_one_that_was_ended_is_an_error_with_the_command_to_run(daily: SwapOut) -> None:
    def replaced() -> None:
        with daily:
            daily._restorer.kill()
            daily._restorer.wait()
            daily.keep()

    with pytest.raises(BoxError, match="--replace daily: the process that was to start it again was ended") as caught:
        replaced()
    assert caught.value.next_step == "true daily, if it does not run"
