"""What tests of the bench share."""

from tests.unit.bench.tool_calls import app, box

__all__ = ["app", "box"]
