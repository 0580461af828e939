"""What an error of Ray's says, in one line, whether Ray is here or not."""

import pytest

from onbox.trial.ray_executor import one_line_of

RAISED = (
    "\x1b[36mray::versions()\x1b[39m (pid=8349, ip=192.0.2.2)\n"
    '  File "onbox/trial/cluster.py", line 1, in versions\n'
    "ModuleNotFoundError: No module named 'onbox.trial.ray_worker'\n"
)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (RAISED, "ModuleNotFoundError: No module named 'onbox.trial.ray_worker'"),
        (RAISED.replace("\x1b[36m", "").replace("\x1b[39m", ""), RAISED.splitlines()[-1]),
        ("Traceback (most recent call last):\n  File x\nValueError: no", "ValueError: no"),
        ("The node died.\nIts address was 192.0.2.2.", "The node died."),
        ("", "no reason given"),
    ],
)
def test_the_reason_is_the_line(text: str, line: str) -> None:
    assert one_line_of(RuntimeError(text)) == line
