"""Counters for the dashboard."""

COUNTS = {}


def count(metric):
    COUNTS[metric] = COUNTS.get(metric, 0) + 1
