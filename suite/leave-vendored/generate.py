"""Other names, another order and other neighbours for each seed."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from genlib import RANDOM, decoys, shuffle, words

chosen = words(
    {
        "to_json": ["dump", "encode_value", "serialise", "write_out"],
        "as_json": ["json_text", "into_json", "json_of"],
        "to_line": ["one_line", "line_of", "row_text"],
        "web": ["portal", "front", "pages_app", "shop"],
        "tiny": ["small", "mini", "light"],
        "feed": ["stream", "updates", "news"],
        "encode": ["writing", "output", "texts"],
    }
)
shuffle(f"{chosen['web']}/{chosen['encode']}.py")
decoys(chosen["web"], RANDOM.randint(1, 3))
