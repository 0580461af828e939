"""Other names and neighbours for each seed."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from genlib import words

words(
    {
        "patches": ["mending", "edits", "changes"],
        "apply": ["patched", "changed", "mended"],
        "PatchError": ["EditError", "MendError", "ChangeError"],
        "backwards": ["undone", "inverse", "reverse_it"],
    }
)
