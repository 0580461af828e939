"""The command line: parses, composes act, judge and report, and prints; computes no number of its own."""
