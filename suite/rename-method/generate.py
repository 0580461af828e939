"""Other names, another order and other neighbours for each seed."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from genlib import RANDOM, decoys, shuffle, words

chosen = words(
    {
        "save": ["put", "submit", "enter", "deposit", "append_row", "push"],
        "persist": ["retain", "archive", "upsert", "commit_row", "insert_row", "store_row"],
        "UserRepository": ["MemberTable", "PeopleStore", "AccountShelf", "PersonIndex"],
        "CachedUserRepository": "Cached{UserRepository}",
        "Logger": ["Journal", "Protocol", "Console"],
        "Audit": ["Trail", "Inspection", "Oversight"],
        "members": ["club", "people", "society", "union"],
        "signup": ["joining", "enrolment", "admission"],
        "importer": ["intake", "loading", "ingest"],
        "admin": ["office", "desk", "backoffice"],
    }
)
package = chosen["members"]
shuffle(f"{package}/users.py", f"{package}/cache.py")
decoys(package, RANDOM.randint(1, 3))
