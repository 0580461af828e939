"""Rewards of gates of Harbor's kind: read as Harbor 0.26 reads them, kept, and judged by a stated threshold."""

import math
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onbox.bench.rewards import RewardError, below, judged, read_rewards, tail_of


@pytest.mark.parametrize(
    ("files", "rewards"),
    [
        ({"reward.txt": "1"}, {"reward": 1.0}),
        ({"reward.txt": " \n 0.5\t\n"}, {"reward": 0.5}),
        ({"reward.txt": "1_0e-1"}, {"reward": 1.0}),
        ({"reward.txt": "-2"}, {"reward": -2.0}),
        ({"reward.json": '{"reward": 0.25}'}, {"reward": 0.25}),
        ({"reward.json": '{"reward": true, "b": false}'}, {"reward": 1.0, "b": 0.0}),
        ({"reward.json": '{"a": 1, "b": 0.5}'}, {"a": 1.0, "b": 0.5}),
        ({"reward.json": '{"reward": 0, "reward": 1}'}, {"reward": 1.0}),
        ({"reward.json": '\r\n{"reward":\r\n1}\r\n'}, {"reward": 1.0}),
        ({"reward.json": '{"reward": 1}', "reward.txt": "0"}, {"reward": 1.0}),
        ({"reward.json": "{}"}, {}),
    ],
)
def test_what_harbor_takes_is_taken(tmp_path: Path, files: dict[str, str], rewards: dict[str, float]) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text, newline="")
    assert read_rewards(tmp_path) == rewards


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({}, "no reward.json or reward.txt was written"),
        ({"reward.txt": ""}, "reward.txt is empty"),
        ({"reward.txt": "\n"}, "reward.txt is not a number"),
        ({"reward.txt": "passed"}, "reward.txt is not a number: 'passed'"),
        ({"reward.txt": "true"}, "reward.txt is not a number"),
        ({"reward.txt": "1 0"}, "reward.txt is not a number"),
        ({"reward.txt": "nan"}, "reward.txt: not a finite number: nan"),
        ({"reward.txt": "Infinity"}, "reward.txt: not a finite number: inf"),
        ({"reward.json": "", "reward.txt": "1"}, "reward.json is empty"),
        ({"reward.json": "{", "reward.txt": "1"}, "reward.json is not JSON"),
        ({"reward.json": '{"reward": NaN}'}, "reward.json: reward: not a finite number: nan"),
        ({"reward.json": '{"reward": 1e309}'}, "reward.json: reward: not a finite number: inf"),
        ({"reward.json": '{"reward": -Infinity}'}, "not a finite number: -inf"),
        ({"reward.json": '{"reward": ' + "9" * 400 + "}"}, "not a finite number"),
        ({"reward.json": '{"reward": "1"}'}, "reward.json: reward: not a number: '1'"),
        ({"reward.json": '{"reward": null}'}, "not a number: None"),
        ({"reward.json": '{"reward": {"a": 1}}'}, "not a number: {'a': 1}"),
        ({"reward.json": '{"reward": [1]}'}, "not a number"),
        ({"reward.json": '{"reward": 1, "b": "x"}'}, "reward.json: b: not a number"),
        ({"reward.json": "1"}, "reward.json holds no object: 1"),
        ({"reward.json": "[1]"}, "reward.json holds no object"),
        ({"reward.json": "[" * 100_000}, "reward.json is not JSON"),
        ({"reward.json": "x" * (1 << 20) + "x"}, "larger than 1 MiB"),
    ],
)
def test_what_harbor_refuses_is_no_reward(tmp_path: Path, files: dict[str, str], why: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(RewardError) as raised:
        read_rewards(tmp_path)
    assert why in str(raised.value)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 200


def test_links_are_followed_within_the_folder_alone(tmp_path: Path) -> None:
    logs, secret = tmp_path / "verifier", tmp_path / "reward"
    logs.mkdir()
    secret.write_text("1")
    (logs / "score").write_text("0.5")
    (logs / "reward.txt").symlink_to("score")
    assert read_rewards(logs) == {"reward": 0.5}
    # Those lead nowhere in Harbor, where the file is read outside the container: reward.txt is what is left.
    (logs / "reward.json").symlink_to("/logs/verifier/score")
    assert read_rewards(logs) == {"reward": 0.5}
    (logs / "reward.json").unlink()
    (logs / "reward.json").symlink_to(secret)
    assert read_rewards(logs) == {"reward": 0.5}
    (logs / "reward.json").unlink()
    (logs / "reward.json").mkdir()
    with pytest.raises(RewardError, match="no file that can be read"):
        read_rewards(logs)
    assert tail_of(logs / "reward.txt", 10) == b""
    assert tail_of(logs / "score", 2) == b".5"


@given(st.binary(max_size=64), st.binary(max_size=64))
def test_no_bytes_break_the_reader(tmp_path_factory: pytest.TempPathFactory, one: bytes, other: bytes) -> None:
    folder = tmp_path_factory.mktemp("verifier")
    (folder / "reward.json").write_bytes(one)
    (folder / "reward.txt").write_bytes(other)
    found: dict[str, float] = {}
    with suppress(RewardError):
        found = read_rewards(folder)
    assert all(math.isfinite(value) for value in found.values())


@pytest.mark.parametrize(
    ("rewards", "wanted", "keys", "low"),
    [
        ({"reward": 1.0}, {}, {"reward": 1.0}, []),
        ({"reward": 0.5}, {}, {"reward": 1.0}, ["reward 0.5, below 1"]),
        ({"reward": 0.5}, {"reward": 0.5}, {"reward": 0.5}, []),
        ({"reward": 0.999999}, {}, {"reward": 1.0}, ["reward 0.999999, below 1"]),
        ({"reward": 1.0, "style": 0.0}, {}, {"reward": 1.0}, []),
        ({"score": 0.5}, {}, {"score": 1.0}, ["score 0.5, below 1"]),
        ({"a": 1.0, "b": 0.2}, {"a": 1.0, "b": 0.5}, {"a": 1.0, "b": 0.5}, ["b 0.2, below 0.5"]),
    ],
)
def test_which_rewards_are_judged(
    rewards: dict[str, float], wanted: dict[str, float], keys: dict[str, float], low: list[str]
) -> None:
    assert judged(rewards, wanted) == keys
    assert below(rewards, keys) == low


@pytest.mark.parametrize(
    ("rewards", "wanted", "why"),
    [
        ({"a": 1.0, "b": 1.0}, {}, "reward.json holds a, b; metadata.reward_min says it"),
        ({}, {}, "reward.json holds nothing"),
        ({"a": 1.0}, {"reward": 0.5}, "reward.json holds no reward"),
    ],
)
def test_a_reward_that_nobody_named_is_no_verdict(
    rewards: dict[str, float], wanted: dict[str, float], why: str
) -> None:
    with pytest.raises(RewardError, match=why):
        judged(rewards, wanted)
