"""The proxies of the daemon that the owner lets onbox go around."""

import json
from typing import Any

from onbox.atomic_files import utc_now, write_json
from onbox.fetch.http import proxy_label
from onbox.image.store import ImageStore


class Consent:
    """What was answered, kept in the store."""

    def __init__(self, store: ImageStore) -> None:
        self._path = store.root / "around.json"

    def given(self, proxy: str) -> bool:
        """Whether the owner agreed to going around this proxy."""
        return proxy_label(proxy) in self._read()

    def give(self, proxy: str) -> None:
        """Remember that the owner agreed."""
        write_json(self._path, {**self._read(), proxy_label(proxy): utc_now()})

    def _read(self) -> dict[str, Any]:
        try:
            content = json.loads(self._path.read_bytes())
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}
