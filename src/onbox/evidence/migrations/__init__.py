"""Evidence of earlier schema versions, read as if it had been written today; nothing on the disk is changed.

A record is told by what it lacks, not by its folder's version: a trial that was begun by one version and gone on with
by another holds records of both.
"""

from collections.abc import Mapping
from typing import Any

from onbox.evidence.migrations import version_1, version_2, version_3

__all__ = ["current"]

_BY_RECORD = {
    "RunRecord": (version_1.run, version_2.run, version_3.run),
    "Regrade": (version_3.regrade,),
    "Exchange": (version_1.exchange,),
}


def current(record: str, data: Any) -> Any:
    """The data of a record in today's schema.

    Args:
        record: name of its class.
        data: as it was parsed; what is no object is returned as it is.
    """
    if isinstance(data, Mapping):
        for migrate in _BY_RECORD.get(record, ()):
            data = migrate(data)
    return data
