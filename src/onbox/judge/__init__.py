"""Pure functions: evidence in; checks, attribution, statistics and the verdict out.

The same evidence gives the same bytes, on another machine, a year later: no clock, no random source without a fixed
seed, no network, no look at this box.
"""

RULES = 8
"""Raised when the same evidence gives another verdict than before; what changed stands at `Verdict.rules`."""
