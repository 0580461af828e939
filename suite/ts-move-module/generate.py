"""Other names and other neighbours for each seed."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from genlib import RANDOM, TS_DECOYS, decoys, words

words(
    {
        "dates": ["days", "calendar_math", "chrono", "epochs"],
        "util": ["shared", "common", "helpers", "base"],
        "core": ["domain", "kernel", "model", "engine"],
        "isoDay": ["dayText", "isoDate", "dayKey"],
        "isWeekend": ["isDayOff", "isFree", "restDay"],
        "labels": ["captions", "legends", "tags"],
        "agenda": ["schedule", "outline", "programme"],
    }
)
decoys("src/views", RANDOM.randint(1, 3), TS_DECOYS)
