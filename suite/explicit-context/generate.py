"""Other names and neighbours for each seed."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from genlib import words

words(
    {
        "desk": ["office", "bureau", "counter"],
        "numbers": ["serials", "codes", "labels"],
        "converted": ["exchanged", "in_currency", "priced"],
        "accept": ["take", "confirm", "agree"],
        "report": ["summary", "account", "digest"],
        "reports": ["summaries", "accounts", "digests"],
    }
)
