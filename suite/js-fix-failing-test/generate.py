"""Other names for each seed."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from genlib import words

words(
    {
        "spans": ["ranges", "intervals", "periods", "stretches"],
        "overlaps": ["intersects", "collides", "shares", "clashes"],
        "length": ["extent", "duration", "width"],
        "Span": ["Range", "Interval", "Period"],
        "start": ["begin", "first", "low"],
        "end": ["stop", "last", "high"],
    }
)
