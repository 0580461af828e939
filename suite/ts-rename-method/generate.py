"""Other names and other neighbours for each seed."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from genlib import RANDOM, TS_DECOYS, decoys, words

words(
    {
        "save": ["put", "submit", "enter", "deposit", "appendRow"],
        "persist": ["retain", "archive", "upsert", "commitRow", "insertRow", "storeRow"],
        "UserRepository": ["MemberTable", "PeopleShelf", "AccountShelf", "PersonIndex"],
        "CachedUserRepository": "Cached{UserRepository}",
        "Logger": ["Journal", "Protocol", "Printer"],
        "Audit": ["Trail", "Inspection", "Oversight"],
        "signup": ["joining", "enrolment", "admission"],
        "admin": ["office", "desk", "backoffice"],
    }
)
decoys("src", RANDOM.randint(1, 3), TS_DECOYS)
