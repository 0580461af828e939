"""Other names, another order and other neighbours for each seed."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from genlib import RANDOM, decoys, shuffle, words

chosen = words(
    {
        "price_label": ["show_price", "as_text", "money_text", "amount_text", "format_amount"],
        "currency": ["unit", "code", "tender", "coin"],
        "shop": ["store", "market", "kiosk", "outlet"],
        "labels": ["wording", "display", "captions", "signs"],
        "piece_label": ["count_text", "show_count", "how_many"],
        "shipping": ["delivery", "postage", "freight"],
        "receipt": ["slip", "till_roll", "stub"],
    }
)
shuffle(f"{chosen['shop']}/{chosen['labels']}.py")
decoys(chosen["shop"], RANDOM.randint(1, 3))
