"""A key with characters that texts write otherwise, and the files of a folder that hold it, in archives too."""

import gzip
import html
import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from onbox.report.marks import plain

PLANTED = 'sk-pl_an*ted-0123"456\\789<&>'


def forms(key: str = PLANTED) -> set[bytes]:
    """The ways in which reports, exports and records write a text."""
    escaped = json.dumps(key)[1:-1]
    texts = {
        key,
        escaped,
        json.dumps(escaped)[1:-1],
        json.dumps(json.dumps(escaped)[1:-1])[1:-1],
        quote(key, safe=""),
        quote(key),
        html.escape(key),
        html.escape(key, quote=False),
        html.escape(escaped),
        html.escape(escaped, quote=False),
        html.escape(key).replace("&quot;", "&#34;"),
        plain(key),
        key.replace('"', '""'),
        "".join(f"\\u{ord(char):04x}" for char in key),
    }
    return {text.encode() for text in texts}


def holders(folder: Path, key: str = PLANTED) -> list[str]:
    """The files below a folder that hold the key, in any way that it can be written; names of files count too."""
    wanted = forms(key)
    found = []
    for path in sorted(folder.rglob("*")):
        if any(form in str(path).encode() for form in wanted):
            found.append(f"{path} (its name)")
        if path.is_file():
            found += [f"{path}{inner}" for inner, data in _contents(path) if any(form in data for form in wanted)]
    return found


def _contents(path: Path) -> Iterator[tuple[str, bytes]]:
    """What a file holds, and what it holds packed."""
    data = path.read_bytes()
    yield "", data
    if data[:2] != b"\x1f\x8b":
        return
    data = gzip.decompress(data)
    yield " (unpacked)", data
    if path.name.endswith((".tar.gz", ".tgz")):
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            for member in archive:
                yield f":{member.name}", member.name.encode()
                if file := archive.extractfile(member):
                    yield f":{member.name}", file.read()
