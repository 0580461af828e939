"""Facts about a model's files, from their headers alone: never guessed from a name, no weights read.

Example:
    >>> from onbox import weights
    >>> facts = weights.read("models/gpt-oss-120b")  # doctest: +SKIP
    >>> facts.parameters_active, facts.read_bytes()  # doctest: +SKIP
"""

from onbox.weights.facts import Facts, Group, Tower
from onbox.weights.parts import Part
from onbox.weights.read import read, read_store

__all__ = ["Facts", "Group", "Part", "Tower", "read", "read_store"]
