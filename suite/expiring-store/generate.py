"""Other names and neighbours for each seed."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from genlib import words

words(
    {
        "memory": ["keeping", "shelf", "pantry"],
        "store": ["cupboard", "drawer", "holder"],
        "Store": ["Cupboard", "Drawer", "Holder"],
        "touch": ["prolong", "extend", "renew"],
        "peek": ["glance", "look", "view"],
    }
)
