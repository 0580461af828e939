"""Whether a model sees, and why not: the closed list of answers."""

from enum import StrEnum


class SightReason(StrEnum):
    """What the truth table of sight may answer."""

    SEES = "sees"
    SEEN_BADLY = "seen_badly"
    """Pictures arrive, and are not read as they should be."""
    NO_TOWER = "no_tower"
    """The weights that are served hold no vision tower."""
    HIDDEN_BY_FLAG = "hidden_by_flag"
    """The weights hold one, and an option keeps pictures from it."""
    NO_PROJECTOR_GIVEN = "no_projector_given"
    """The tower lies in a file beside the weights that the engine was not given."""
    NO_IMAGE_SLOT = "no_image_slot"
    """The chat template has no place for a picture."""
    REFUSED = "refused"
    """In the engine's words, and nothing else explains it."""
    IGNORED = "ignored"
    """A picture is accepted and changes nothing that the answers show."""
    UNKNOWN = "unknown"
