"""Where onbox keeps things for this user: what was fetched, what is up, and the evidence of it.

The folders are those of the XDG base directory specification, by platformdirs.
"""

import os
from pathlib import Path

NAME = "onbox"


def cache_folder() -> Path:
    """Where fetched files are kept: ONBOX_CACHE, else `onbox` below XDG_CACHE_HOME or ~/.cache."""
    if named := os.environ.get("ONBOX_CACHE"):
        return Path(named)
    from platformdirs.unix import Unix

    return Unix(NAME).user_cache_path


def state_folder() -> Path:
    """`onbox` below XDG_STATE_HOME or ~/.local/state: where the evidence of `up` lies."""
    from platformdirs.unix import Unix

    return Unix(NAME).user_state_path


def run_folder() -> Path:
    """Where the files of what is up lie: `onbox` below XDG_RUNTIME_DIR, else below the user's state.

    It is made if it is not there. Without XDG_RUNTIME_DIR the state is taken, and not the folder of `/run` that
    platformdirs would name, so that what an earlier release started is still found.
    """
    named = os.environ.get("XDG_RUNTIME_DIR")
    folder = Path(named) / NAME if named and Path(named).is_dir() else state_folder() / "run"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder
