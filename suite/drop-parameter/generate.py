"""Other names, another order and other neighbours for each seed."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from genlib import RANDOM, decoys, shuffle, words

chosen = words(
    {
        "load": ["fetch_rows", "read_rows", "pull", "scan"],
        "verbose": ["chatty", "loud", "detailed", "wordy"],
        "feed": ["intake", "stream", "supply", "inbox"],
        "reader": ["parser", "source", "decoder"],
        "merge": ["joined_up", "union", "combined"],
        "command": ["console", "entry", "prompt"],
        "header": ["first_row", "titles", "heading"],
    }
)
shuffle(f"{chosen['feed']}/{chosen['reader']}.py")
decoys(chosen["feed"], RANDOM.randint(1, 3))
