"""Parsers of calls that were broken: which, how, since when they are not, and what keeps clear of it.

A version stands here only where a source names it, or where its own parser was tried; all else is `unknown`. `seen_in`
is one that has the fault, and earlier ones may have it as well; `mended_in` is one that is known to be without it, and
some before it may be too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from onbox.engines.base import Advice, Trouble
from onbox.engines.log_lines import numbers

UNKNOWN = "unknown"


@dataclass(frozen=True)
class ParserFault:
    """One fault of one or several parsers.

    Args:
        parsers: their names; empty: whichever is used.
        troubles: what it looks like.
        what: happens, in words.
        seen_in: a version that has it, or `unknown`.
        mended_in: the first version that is known to be without it, or `unknown`.
        source: issues and changes of the server's own project, and what was tried.
        option: that brings it about; empty: none is needed.
        clear: what keeps clear of it, in words; empty: nothing but another version.
    """

    parsers: tuple[str, ...]
    troubles: frozenset[Trouble]
    what: str
    seen_in: str
    mended_in: str
    source: str
    option: str = ""
    clear: str = ""

    def may_be(self, case: Advice) -> bool:
        """Whether a server may have it, by all that is known of its version and its options."""
        if case.trouble not in self.troubles:
            return False
        if self.mended_in != UNKNOWN and case.version and numbers(case.version) >= numbers(self.mended_in):
            return False
        if case.options is None:
            return True
        parser = case.options.get("--tool-call-parser")
        by_parser = not self.parsers or parser in self.parsers
        return by_parser and (not self.option or _sets(case.options, self.option))

    def as_text(self) -> str:
        """One clause: what to do, why, by which source, mended since when."""
        of = f" of {', '.join(self.parsers)}" if self.parsers else ""
        todo = self.clear or "another version"
        mended = self.mended_in if self.mended_in == UNKNOWN else f"{self.mended_in} or before"
        return f"{todo} (known{of}: {self.what}; seen in {self.seen_in}, mended in {mended}: {self.source})"


def known_faults(case: Advice, faults: Sequence[ParserFault], usual: str) -> list[ParserFault]:
    """The faults that a server may have.

    Args:
        case: for what it asks.
        faults: of its engine.
        usual: the parser of this model's family, for a server whose command line is not known.
    """
    found = [fault for fault in faults if fault.may_be(case)]
    if case.options is None:
        found = [fault for fault in found if not fault.parsers or usual in fault.parsers]
    return found


def _sets(options: Mapping[str, str], option: str) -> bool:
    value = options.get(option)
    return value is not None and value not in ("1", "0", "none", "null")
