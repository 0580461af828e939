"""Becomes an unprivileged user and then another program, as root of the host:
`as_user.py UID LIMITS PASSWD N SHOWN... N OWNED... COMMAND...`.

LIMITS are pairs of resource and bound, as `9=1000,4=0`; PASSWD is a file to show as /etc/passwd, or empty; SHOWN, N of
them, are paths that the user needs a way to, such as an interpreter below /root; OWNED, paths that are to be the user's
own. Paths of both kinds may lie in folders that are closed to the user. So in a mount namespace of its own each such
folder is covered by an empty one that holds only what was asked for. What is owned is mounted with root's number mapped
to the user's (`mount_setattr`), so that the files stay root's on the disk; one without such mounts has its
files given to the user instead.

`as_user.py can_map PATH` ends with 0 where the file system of PATH has such mounts, and this root may make them.

It is run by a bare interpreter, so it imports nothing of onbox; and before each command, so it imports nothing that
takes milliseconds, as `json` and `signal` do. Limits are set here, because a root without
CAP_SYS_RESOURCE cannot set those of another user's process.
"""

import ctypes
import os
import resource
import stat
import sys

_CLONE_NEWNS = 0x0002_0000
_CLONE_NEWIPC = 0x0800_0000
_CLONE_NEWUSER = 0x1000_0000
_MS_BIND, _MS_REC, _MS_PRIVATE = 1 << 12, 1 << 14, 1 << 18
_OPEN_TREE, _MOVE_MOUNT, _MOUNT_SETATTR = 428, 429, 442
"""Numbers of the system calls, the same on every architecture."""
_OPEN_TREE_CLONE, _AT_RECURSIVE, _AT_EMPTY_PATH = 1, 0x8000, 0x1000
_MOVE_MOUNT_F_EMPTY_PATH = 4
_MOUNT_ATTR_IDMAP = 0x0010_0000
_OOM_SCORE = "500"
_libc = ctypes.CDLL(None, use_errno=True)


class _MountAttributes(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "userns_fd")]


def main(
    uid: int,
    limits: "list[tuple[int, int]]",
    shown: "list[str]",
    owned: "list[str]",
    passwd: str,
    command: "list[str]",
) -> None:
    """Never returns.

    Raises:
        OSError: it cannot be done here.
    """
    # Shared memory of System V outlives whoever made it, and a box has room for 4096: sandlock makes one for each user.
    _check(_libc.unshare(_CLONE_NEWNS | _CLONE_NEWIPC), "unshare")
    _mount(None, "/", None, _MS_REC | _MS_PRIVATE)
    paths = dict.fromkeys([*shown, *owned])
    if passwd:
        _mount(passwd, "/etc/passwd", None, _MS_BIND)
    # Opened before anything is covered.
    opened = {path: os.open(path, os.O_PATH | os.O_CLOEXEC) for path in paths}
    mapped = _mapped(owned, uid)
    covers = sorted({cover for path in paths if (cover := _closed_folder(path, uid))})
    for cover in covers:
        if not any(cover.startswith(other + "/") for other in covers):
            _mount("none", cover, "tmpfs", 0, "mode=755,size=1m")
    for path in sorted(paths):
        if path in mapped or any(path.startswith(cover + "/") for cover in covers):
            _place(path, folder=stat.S_ISDIR(os.fstat(opened[path]).st_mode))
            if path in mapped:
                done = _libc.syscall(_MOVE_MOUNT, mapped[path], b"", -100, path.encode(), _MOVE_MOUNT_F_EMPTY_PATH)
                _check(done, f"mount {path}")
            else:
                _mount(f"/proc/self/fd/{opened[path]}", path, None, _MS_BIND | _MS_REC)
    with open("/proc/self/oom_score_adj", "w") as file:
        # By root, so that the command cannot lower it again: where memory is short it goes before all else.
        file.write(_OOM_SCORE)
    for which, value in limits:
        _, hard = resource.getrlimit(which)
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(which, (bound, bound))
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    os.execv(command[0], command)


def _mapped(paths: "list[str]", uid: int) -> "dict[str, int]":
    """Descriptors of mounts of these paths that show what is root's as the user's, where there are such mounts."""
    found = {}
    namespace = _namespace(uid)
    for path in paths:
        flags = _OPEN_TREE_CLONE | _AT_RECURSIVE | os.O_CLOEXEC
        tree = _libc.syscall(_OPEN_TREE, -100, path.encode(), flags)
        if tree < 0:
            continue
        wanted = _MountAttributes(_MOUNT_ATTR_IDMAP, 0, 0, namespace)
        size = ctypes.c_size_t(ctypes.sizeof(wanted))
        if _libc.syscall(_MOUNT_SETATTR, tree, b"", _AT_EMPTY_PATH, ctypes.byref(wanted), size) == 0:
            found[path] = tree
        else:
            os.close(tree)
    os.close(namespace)
    return found


def _namespace(uid: int) -> int:
    """A user namespace in which root is the user."""
    ready, notify = os.pipe()
    over, go_on = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(go_on)
            if _libc.unshare(_CLONE_NEWUSER) == 0:
                os.write(notify, b"y")
                os.read(over, 1)
        finally:
            os._exit(1)
    os.close(notify)
    try:
        if not os.read(ready, 1):
            raise OSError("user namespaces are not allowed here")
        for kind in ("uid_map", "gid_map"):
            with open(f"/proc/{child}/{kind}", "w") as file:
                file.write(f"0 {uid} 1\n")
        return os.open(f"/proc/{child}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(ready)
        os.close(over)
        os.close(go_on)
        os.waitpid(child, 0)


def _closed_folder(path: str, uid: int) -> "str | None":
    """The first folder on the way that others may not pass through."""
    parts = path.split("/")
    for end in range(2, len(parts)):
        folder = "/".join(parts[:end])
        found = os.stat(folder)
        if not found.st_mode & stat.S_IXOTH and found.st_uid != uid:
            return folder
    return None


def _place(path: str, *, folder: bool) -> None:
    """Somewhere to mount at, where a cover hid it."""
    if os.path.lexists(path):
        return
    os.makedirs(path if folder else os.path.dirname(path), mode=0o755, exist_ok=True)
    if not folder:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o644))


def _mount(source: "str | None", target: str, kind: "str | None", flags: int, data: "str | None" = None) -> None:
    words = [None if word is None else os.fsencode(word) for word in (source, target, kind)]
    done = _libc.mount(*words, ctypes.c_ulong(flags), None if data is None else data.encode())
    _check(done, f"mount {target}")


def _check(result: int, what: str) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")


def _request(words: "list[str]") -> "tuple[int, list[tuple[int, int]], list[str], list[str], str, list[str]]":
    uid, bounds, passwd, count, *words = words
    shown, (count, *words) = words[: int(count)], words[int(count) :]
    owned, command = words[: int(count)], words[int(count) :]
    pairs = (bound.split("=") for bound in bounds.split(",") if bound)
    return int(uid), [(int(which), int(value)) for which, value in pairs], shown, owned, passwd, command


if __name__ == "__main__":
    try:
        if sys.argv[1] == "can_map":
            sys.exit(0 if _mapped(sys.argv[2:], 1) else 1)
        main(*_request(sys.argv[1:]))
    except OSError as error:
        print(f"cannot become another user: {error}")
        sys.exit(127)
