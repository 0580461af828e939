"""What tests of the bench with real programs share."""

from tests.unit.bench.tool_calls import app, box

__all__ = ["app", "box"]
