"""Other names and neighbours for each seed."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from genlib import words

words(
    {
        "listing": ["paged", "page_of", "excerpt"],
        "articles": ["posts", "essays", "stories"],
        "people": ["members", "staff", "guests"],
        "offers": ["deals", "bids", "quotes"],
        "web": ["site", "portal", "front"],
    }
)
