"""Other names, another order and other neighbours for each seed."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from genlib import RANDOM, decoys, words

chosen = words(
    {
        "notify": ["inform", "tell", "send_note", "alert"],
        "urgent": ["pressing", "at_once", "now"],
        "priority": ["weight", "level", "rank"],
        "desk": ["office", "counter", "bureau"],
        "mail": ["post", "letters", "messages"],
        "digest": ["roundup", "bulletin", "recap"],
        "Pager": ["Beeper", "Ringer", "Buzzer"],
    }
)
decoys(chosen["desk"], RANDOM.randint(1, 3))
