"""Other names, another order and other neighbours for each seed."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from genlib import RANDOM, decoys, shuffle, words

chosen = words(
    {
        "parse_amount": ["read_cents", "to_cents", "cents_from", "amount_of"],
        "squeeze": ["tidy", "compact", "single_spaced"],
        "tools": ["common", "helpers", "shared", "lib"],
        "shop": ["store", "market", "kiosk", "outlet"],
        "refunds": ["returns", "paybacks", "credits"],
        "legacy": ["register", "ancient", "oldbooks"],
        "initials": ["short_name", "letters_of", "monogram"],
    }
)
decoys(chosen["tools"], RANDOM.randint(1, 2))
decoys(chosen["shop"], RANDOM.randint(1, 2))
