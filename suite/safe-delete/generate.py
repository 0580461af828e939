"""Other names, another order and other neighbours for each seed."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from genlib import RANDOM, decoys, shuffle, words

chosen = words(
    {
        "old_total": ["former_sum", "legacy_sum", "past_total", "total_2019"],
        "_old_rate": "_{old_total}_rate",
        "new_total": ["amount_due", "owed", "gross_sum"],
        "net_total": ["plain_sum", "untaxed", "bare_sum"],
        "billing": ["charges", "dues", "accounts", "invoicing"],
        "totals": ["sums", "amounts_due", "figures"],
        "history": ["archive", "chronicle", "back_issues"],
        "test_old": ["test_former", "test_past", "test_before"],
    }
)
shuffle(f"{chosen['billing']}/{chosen['totals']}.py")
decoys(chosen["billing"], RANDOM.randint(1, 3))
