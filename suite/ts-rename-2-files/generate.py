"""Other names and other neighbours for each seed."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from genlib import RANDOM, TS_DECOYS, decoys, words

words(
    {
        "addNumbers": ["addUp", "totalOf", "collectSum", "sumValues", "accumulateAll", "tally"],
        "sumCents": ["sumMoney", "totalCents", "addCents", "centsTotal", "sumOfCents"],
        "fromEuros": ["inCents", "toCents", "centsOf"],
        "Invoice": ["Bill", "Receipt", "Statement"],
        "formatting": ["printing", "display", "rendering", "wording"],
    }
)
decoys("src", RANDOM.randint(1, 3), TS_DECOYS)
