import sys
from pathlib import Path

# The builders of headers live beside the tests of the weights.
sys.path.insert(0, str(Path(__file__).parents[1] / "weights"))
