"""Servers of known truth: streams of every shape that is known to mislead clients, measured by the real client."""
