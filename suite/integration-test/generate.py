"""Other names and neighbours for each seed."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from genlib import RANDOM, decoys, words

chosen = words(
    {
        "billing": ["invoicing", "charging", "accounts"],
        "gathered": ["collected", "combined", "bundled"],
        "share": ["portion", "part_of", "percentage"],
        "amounts": ["money", "sums", "euros"],
        "discounts": ["rebates", "reductions", "allowances"],
    }
)
decoys(chosen["billing"], RANDOM.randint(3, 5))
