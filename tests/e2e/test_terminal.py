"""At a real terminal: the picture comes and goes, and the key Ctrl-C ends the trial in order."""

import fcntl
import os
import pty
import subprocess
import sys
import termios
import time
from pathlib import Path

from tests.e2e.conftest import TrialFile

SHOW_CURSOR = b"\x1b[?25h"
HIDE_CURSOR = b"\x1b[?25l"
CTRL_C = b"\x03"


def test_ctrl_c_leaves_the_terminal_in_order(tmp_path: Path, trial_file: TrialFile, plugin_env: dict[str, str]) -> None:
    file = trial_file(speed=False, one="--mode good --load-s 0.5 --stall-s 0.5")
    command = [sys.executable, "-m", "onbox", "trial", str(file), "--out", str(tmp_path / "trial")]
    master, slave = pty.openpty()

    def own_the_terminal() -> None:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    process = subprocess.Popen(
        command,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**plugin_env, "TERM": "xterm-256color", "LINES": "30"},
        start_new_session=True,
        preexec_fn=own_the_terminal,
    )
    os.close(slave)
    observation, pressed, deadline = b"", False, time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            data = os.read(master, 65_536)
        except OSError:  # Linux's way to say that the last process has closed the terminal.
            break
        observation += data
        if not pressed and (tmp_path / "trial/one/runs/fill-json/baseline/1").is_dir():
            os.write(master, CTRL_C)
            pressed = True
    os.close(master)
    assert process.wait(60) == 130, observation[-2000:]
    assert HIDE_CURSOR in observation
    assert observation.rfind(SHOW_CURSOR) > observation.rfind(HIDE_CURSOR)
    end = observation[observation.rfind(SHOW_CURSOR) :].decode()
    assert "onbox: interrupted; what was finished is kept" in end
    assert f"onbox trial --resume {tmp_path / 'trial'}" in end
    assert "Traceback" not in observation.decode("utf-8", "replace")
