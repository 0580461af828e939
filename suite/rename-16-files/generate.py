"""Other names, another order and other neighbours for each seed."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from genlib import RANDOM, decoys, shuffle, words

chosen = words(
    {
        "apply_discount": ["reduce_price", "lower_price", "take_off", "mark_down", "cut_price", "rebate"],
        "compute_discount": ["discounted", "price_after", "less_percent", "deduct", "net_price", "reduced_price"],
        "apply_discount_code": "{apply_discount}_code",
        "list_price": ["base_price", "full_price", "catalogue_price", "shelf_price"],
        "shop": ["store", "market", "kiosk", "outlet", "bazaar"],
        "pricing": ["costs", "tariffs", "amounts", "charges"],
        "seasonal": ["holidays", "sales", "events"],
        "wholesale": ["resale", "partners", "trade"],
        "loyalty": ["regulars", "club", "fidelity"],
        "bundle": ["sets", "packs", "combos"],
        "preview": ["teaser", "display", "outlook"],
    }
)
package = chosen["shop"]
shuffle(f"{package}/{chosen['pricing']}.py")
decoys(package, RANDOM.randint(1, 3))
