"""What broke a run is told by the kind of the error and the numbers of the system, never by words."""

import errno

import pytest

from onbox.bench.faults import fault_of
from onbox.errors import BoxError
from onbox.evidence.records import FaultKind


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), FaultKind.DISK_FULL),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), FaultKind.DISK_FULL),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), FaultKind.OUT_OF_MEMORY),
        (MemoryError(), FaultKind.OUT_OF_MEMORY),
        (PermissionError(errno.EACCES, "Permission denied", "/srv/disk/oom"), FaultKind.BOX),
        (BoxError("no room for more in /srv/disk"), FaultKind.SANDBOX),
        (caused(BoxError("no sandbox"), OSError(errno.ENOSPC, "x")), FaultKind.DISK_FULL),
        (KeyError("out of memory, disk full"), FaultKind.HARNESS),
    ],
)
def test_the_kind(error: Exception, kind: FaultKind) -> None:
    fault = fault_of(error)
    assert fault.kind is kind
    assert fault.text.startswith(f"{kind.value}: ")


def test_a_half_character_in_an_error_is_text_that_can_be_written() -> None:
    assert fault_of(ValueError("half \ud83d")).text.encode()
