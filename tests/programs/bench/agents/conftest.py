"""What tests of agents share."""

from tests.unit.bench.agents.built_in import bench

__all__ = ["bench"]
