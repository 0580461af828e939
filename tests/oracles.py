"""Libraries that tests compare with, loaded when a test asks them.

scipy and statsmodels take seconds to import, and where tests run side by side every worker reads every file of tests.
"""

import importlib
from typing import Any


class _Oracle:
    """A module that is imported when something of it is used."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("__"):
            # pytest asks every name of a file of tests whether it is a test (`__test__`).
            raise AttributeError(attribute)
        return getattr(importlib.import_module(self._name), attribute)


STATS: Any = _Oracle("scipy.stats")
CONTINGENCY: Any = _Oracle("statsmodels.stats.contingency_tables")
MULTITEST: Any = _Oracle("statsmodels.stats.multitest")
PROPORTION: Any = _Oracle("statsmodels.stats.proportion")
