"""Other names and other neighbours for each seed."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from genlib import RANDOM, TS_DECOYS, decoys, words

words(
    {
        "applyDiscount": ["reducePrice", "lowerPrice", "takeOff", "markDown", "cutPrice", "rebate"],
        "computeDiscount": ["discounted", "priceAfter", "lessPercent", "deduct", "netPrice", "reducedPrice"],
        "applyDiscountCode": "{applyDiscount}Code",
        "listPrice": ["basePrice", "fullPrice", "cataloguePrice", "shelfPrice"],
        "seasonal": ["holidays", "sales", "events"],
        "wholesale": ["resale", "partners", "trade"],
        "loyalty": ["regulars", "club", "fidelity"],
        "bundle": ["sets", "packs", "combos"],
        "preview": ["teaser", "display", "outlook"],
    }
)
decoys("src", RANDOM.randint(1, 3), TS_DECOYS)
