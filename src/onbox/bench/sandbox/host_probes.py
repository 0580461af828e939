"""What a command could do to the box itself: settings of the kernel, modules, control groups, devices, mounts.

Nothing of the box is changed to find out: files are opened for writing and closed again, and a system call is made
with what no kernel takes, so that only the reason of its refusal tells. The scripts print what they got away with.
"""

PROC = r"""
import os, stat
print("tried", flush=True)
tops = ["/proc/sysrq-trigger", "/proc/kcore", "/proc/kmsg", "/proc/mtrr", "/proc/timer_list", "/proc/latency_stats"]
for top in ("sys", "irq", "bus", "fs", "acpi", "scsi", "driver", "tty"):
    top = "/proc/" + top
    tops += [os.path.join(folder, name) for folder, _, names in os.walk(top) for name in names]
opened = []
for path in tops:
    try:
        # A container covers some with /dev/null, which anybody may write.
        if stat.S_ISREG(os.stat(path).st_mode):
            os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC))
            opened.append(path)
    except OSError:
        pass
print(len(opened), *opened[:3])
"""
"""Opens the files of /proc that are the box's for writing."""

SYS = r"""
import os
print("tried", flush=True)
opened, places, looked = [], ["/sys"], 0
while places and looked < 40_000:
    place = places.pop()
    try:
        entries = list(os.scandir(place))
    except OSError:
        continue
    for entry in entries:
        looked += 1
        if entry.is_dir(follow_symlinks=False):
            if entry.path.startswith("/sys/fs/cgroup"):
                try:
                    made = os.path.join(entry.path, "onbox-probe")
                    os.mkdir(made)
                    opened.append(made)
                    os.rmdir(made)
                except OSError:
                    pass
            places.append(entry.path)
        elif entry.is_file(follow_symlinks=False):
            try:
                os.close(os.open(entry.path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC))
                opened.append(entry.path)
            except OSError:
                pass
print(len(opened), *opened[:3])
"""
"""Opens the files of /sys for writing, those of modules too, and makes a control group wherever there is one."""

MODULE = r"""
import ctypes, errno, glob, os
print("tried", flush=True)
libc = ctypes.CDLL(None, use_errno=True)
got = []
if libc.delete_module(b"onbox_no_such_module", os.O_NONBLOCK) == 0 or ctypes.get_errno() == errno.ENOENT:
    got.append("delete_module")
for path in ["/proc/sys/kernel/modprobe", *glob.glob("/lib/modules/*/modules.dep"), "/dev/kmem", "/dev/mem"]:
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CLOEXEC))
        got.append(path)
    except OSError:
        pass
print(len(got), *got[:3])
"""
"""Asks the kernel to unload a module that does not exist; who may gets ENOENT."""

DEVICE = r"""
import os, stat
print("tried", flush=True)
harmless = {"null", "zero", "full", "random", "urandom", "tty", "ptmx", "console"}
got = []
for folder in (os.environ["WORK"], os.environ["TMPDIR"]):
    for kind, number in ((stat.S_IFCHR, os.makedev(1, 1)), (stat.S_IFBLK, os.makedev(7, 0))):
        path = os.path.join(folder, "probe-device")
        try:
            os.mknod(path, kind | 0o600, number)
            os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
            got.append(path)
        except OSError:
            pass
for folder, _, names in os.walk("/dev"):
    for path in (os.path.join(folder, name) for name in names if name not in harmless):
        try:
            mode = os.stat(path).st_mode
            if (stat.S_ISCHR(mode) or stat.S_ISBLK(mode)) and "/pts/" not in path:
                os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY))
                got.append(path)
        except OSError:
            pass
print(len(got), *got[:3])
"""
"""Makes nodes of /dev/mem and of a disk and opens them, and opens what other devices there are."""

MOUNT = r"""
import ctypes, os
print("tried", flush=True)
libc = ctypes.CDLL(None, use_errno=True)
got = []
remount, bind, new_mounts = 32, 4096, 0x20000
if libc.unshare(new_mounts) == 0:
    # It may; what it would mount now is nobody else's.
    got.append("unshare")
    libc.mount(None, b"/", None, ctypes.c_ulong(16384 | 262144), None)
for target in (os.environ["TESTS"], "/usr", "/"):
    if libc.mount(None, target.encode(), None, ctypes.c_ulong(remount | bind), None) == 0:
        got.append(target)
inner = os.path.join(os.environ["WORK"], "inner")
os.makedirs(inner, exist_ok=True)
if libc.mount(b"none", inner.encode(), b"tmpfs", ctypes.c_ulong(0), None) == 0:
    got.append(inner)
for name in ("test", "planted"):
    try:
        with open(os.path.join(os.environ["TESTS"], name), "a") as file:
            file.write("x")
        got.append(name)
    except OSError:
        pass
print(len(got), *got[:3])
"""
"""Makes what is read-only writable by another mount over it, and mounts a file system of its own."""
