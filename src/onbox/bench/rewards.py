"""The reward that a gate of Harbor's kind writes below /logs/verifier, read as Harbor reads it.

Source: harbor 0.26, `verifier/verifier.py` (`_parse_reward_json`, `_parse_reward_text`): `reward.json` goes before
`reward.txt` even where it is broken, the exit code of the script decides nothing, and what is no finite number is an
error. The threshold follows `StepConfig.min_reward`: one number is for the key `reward`, several are each for theirs.
"""

import json
import math
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

REWARD = "reward"
"""The key of the reward that counts where a gate writes several."""
REWARD_MIN = 1.0
"""What counts as done where a task says nothing else."""
FOLDER = "verifier"
"""Below the gate's logs."""
BYTES_MAX = 1 << 20
KEYS_MAX = 1000
SHOWN_CHARACTERS = 40


class RewardError(Exception):
    """No reward can be read; the message says why, in words for people."""


def read_rewards(folder: Path) -> dict[str, float]:
    """The rewards that a gate left.

    Args:
        folder: `verifier` of its logs, on the host; what lies there is a stranger's.

    Raises:
        RewardError: neither file is there, or the one that counts holds no finite numbers.
    """
    if (data := _content(folder, "reward.json")) is not None:
        return _of_json(data)
    if (data := _content(folder, "reward.txt")) is not None:
        return {REWARD: _of_text(data)}
    raise RewardError("no reward.json or reward.txt was written to /logs/verifier")


def judged(rewards: Mapping[str, float], wanted: Mapping[str, float]) -> dict[str, float]:
    """The keys that are judged, each with what it must reach.

    Args:
        rewards: as the gate wrote them.
        wanted: of the task; empty for `REWARD_MIN` on `reward`, or on the only reward there is.

    Raises:
        RewardError: which reward counts is not told, or one that counts is not there.
    """
    if not wanted:
        if REWARD in rewards:
            return {REWARD: REWARD_MIN}
        if len(rewards) == 1:
            return dict.fromkeys(rewards, REWARD_MIN)
        found = ", ".join(sorted(map(_short, rewards))) or "nothing"
        raise RewardError(f"which reward counts is not told: reward.json holds {found}; metadata.reward_min says it")
    if lacking := sorted(set(wanted) - set(rewards)):
        raise RewardError(f"reward.json holds no {_short(lacking[0])}")
    return dict(wanted)


def below(rewards: Mapping[str, float], wanted: Mapping[str, float]) -> list[str]:
    """The judged rewards that are too low, in words."""
    return [f"{key} {rewards[key]:g}, below {least:g}" for key, least in wanted.items() if rewards[key] < least]


def tail_of(path: Path, limit_bytes: int) -> bytes:
    """The last bytes of a file that a stranger wrote; empty where it is no file."""
    file = _regular(path)
    if file is None:
        return b""
    with file:
        file.seek(max(os.fstat(file.fileno()).st_size - limit_bytes, 0))
        return file.read(limit_bytes)


def _of_json(data: bytes) -> dict[str, float]:
    try:
        found = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise RewardError(f"reward.json is not JSON: {_short(str(error))}") from error
    if not isinstance(found, dict):
        raise RewardError(f"reward.json holds no object: {_short(repr(found))}")
    if len(found) > KEYS_MAX:
        raise RewardError(f"reward.json holds {len(found)} rewards")
    return {str(key): _number(value, f"reward.json: {_short(str(key))}") for key, value in found.items()}


def _of_text(data: bytes) -> float:
    try:
        value = float(data.decode("utf-8"))
    except ValueError as error:
        raise RewardError(f"reward.txt is not a number: {_short(repr(data.decode('utf-8', 'replace')))}") from error
    return _number(value, "reward.txt")


def _number(value: object, where: str) -> float:
    """Harbor takes true and false for 1 and 0, and no text."""
    if not isinstance(value, int | float):
        raise RewardError(f"{where}: not a number: {_short(repr(value))}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise RewardError(f"{where}: not a finite number: {_short(str(number))}")
    return number


def _content(folder: Path, name: str) -> bytes | None:
    """The bytes of a file of the folder; None where it is not there, or leads out of the folder.

    Raises:
        RewardError: it is empty, too large or no file.
    """
    path = folder / name
    # Harbor follows a link that still leads somewhere outside the container: to a file of the same folder.
    real = Path(os.path.realpath(path))
    if not path.is_symlink() and not path.exists():
        return None
    if not real.is_relative_to(folder.resolve()) or not real.exists():
        return None
    file = _regular(real)
    if file is None:
        raise RewardError(f"{name} is no file that can be read")
    with file:
        data = file.read(BYTES_MAX + 1)
    if not data:
        raise RewardError(f"{name} is empty")
    if len(data) > BYTES_MAX:
        raise RewardError(f"{name} is larger than 1 MiB")
    return data


def _regular(path: Path) -> BinaryIO | None:
    """A regular file, opened for reading; None where it is none, or cannot be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return None
    return os.fdopen(descriptor, "rb")


def _short(text: str) -> str:
    line = " ".join(text.encode("utf-8", "replace").decode().split())
    return line if len(line) <= SHOWN_CHARACTERS else line[: SHOWN_CHARACTERS - 1] + "…"
