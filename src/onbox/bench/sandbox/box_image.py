"""The image that shows a container the box's own system: empty but for links, made here without a registry."""

import io
import tarfile
from pathlib import Path

from onbox.bench.sandbox.interior import interpreter

NAME = "onbox/box"
"""Its tag says what is in it."""
HOME = "/home/agent"
TOOLS = "/.onbox"
"""Holds `python3` and `python`; first on PATH."""
SYSTEM = ("bin", "sbin", "lib", "lib32", "lib64")
ETC = {
    "passwd": "root:x:0:0:root:/root:/bin/sh\nagent:x:1000:1000:agent:/home/agent:/bin/sh\n",
    "group": "root:x:0:\nagent:x:1000:\n",
}


def box_image() -> bytes:
    """A tar of folders to mount on, the links of the box's root, and a few names of users."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        folders = ("tmp", "run", "proc", "sys", "dev", "etc", "usr", "home", HOME.strip("/"), "root", TOOLS.strip("/"))
        for name in folders:
            tar.addfile(_entry(name, tarfile.DIRTYPE))
        for name in SYSTEM:
            path = Path("/", name)
            if path.is_symlink():
                tar.addfile(_entry(name, tarfile.SYMTYPE, link=str(path.readlink())))
            elif path.is_dir():
                tar.addfile(_entry(name, tarfile.DIRTYPE))
        for name in ("python3", "python"):
            tar.addfile(_entry(f"{TOOLS.strip('/')}/{name}", tarfile.SYMTYPE, link=str(interpreter())))
        for name, text in ETC.items():
            tar.addfile(_entry(f"etc/{name}", tarfile.REGTYPE, size=len(text)), io.BytesIO(text.encode()))
    return data.getvalue()


def _entry(name: str, kind: bytes, *, link: str = "", size: int = 0) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname, entry.size = kind, link, size
    entry.mode = 0o755 if kind != tarfile.REGTYPE else 0o644
    return entry
