"""Other names and neighbours for each seed."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from genlib import words

words(
    {
        "calc": ["formula", "sums", "reckon"],
        "evaluate": ["value_of", "compute", "result_of"],
        "ExpressionError": ["Mistake", "FormulaError", "SyntaxProblem"],
    }
)
