"""Other names, another order and other neighbours for each seed."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from genlib import RANDOM, decoys, words

chosen = words(
    {
        "Basket": ["Trolley", "Crate", "Satchel", "Tray"],
        "basket": ["trolley", "crate", "satchel", "tray"],
        "articles": ["goods", "wares", "contents"],
        "price": ["cost_of", "worth", "cents_for"],
        "prices": ["costs", "tariff", "rates"],
    }
)
decoys(chosen["basket"], RANDOM.randint(2, 4))
