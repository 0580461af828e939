"""Other names and neighbours for each seed."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from genlib import words

words(
    {
        "plan": ["schedule", "factory", "workshop"],
        "rounds": ["shifts", "waves", "turns"],
        "order": ["sequence", "ranking", "lineup"],
        "OrderError": ["SequenceError", "RankingError", "LineupError"],
    }
)
