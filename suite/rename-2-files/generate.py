"""Other names, another order and other neighbours for each seed."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from genlib import decoys, shuffle, words

words(
    {
        "add_numbers": ["add_up", "total_of", "collect_sum", "sum_values", "accumulate_all", "plus_all", "tally"],
        "sum_cents": ["sum_money", "total_cents", "add_cents", "sum_prices", "cents_total", "sum_of_cents"],
        "ledger": ["accounts", "billing", "cashbook", "finance", "books"],
        "from_euros": ["in_cents", "to_cents", "cents_of"],
        "formatting": ["printing", "display", "rendering", "wording"],
        "test_invoice": ["test_bills", "test_totals", "test_documents"],
    }
)
shuffle(*(path.relative_to("environment/app") for path in sorted(Path("environment/app").glob("*/amounts.py"))))
decoys(next(Path("environment/app").glob("*/amounts.py")).parent.name, 2)
