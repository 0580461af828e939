"""Ray itself, imported only where a cluster is asked for."""

import importlib
import importlib.util
from typing import Any

from onbox.errors import BoxError


def require_ray() -> Any:
    """Ray's module.

    Raises:
        BoxError: it is not installed.
    """
    if importlib.util.find_spec("ray") is None:
        raise BoxError("--ray: Ray is not installed here", "pip install 'onbox[ray]' on every node of the cluster")
    return importlib.import_module("ray")
