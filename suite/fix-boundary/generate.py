"""Other names, another order and other neighbours for each seed."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from genlib import RANDOM, decoys, shuffle, words

chosen = words(
    {
        "shelf": ["library", "gallery", "stock", "depot"],
        "pages": ["sheets", "slices", "windows"],
        "page_count": ["how_many", "last_page", "sheet_total"],
        "page_items": ["items_on", "part_of", "cut_out"],
        "listing": ["overview", "display", "directory"],
    }
)
shuffle(f"{chosen['shelf']}/{chosen['pages']}.py")
decoys(chosen["shelf"], RANDOM.randint(2, 4))
