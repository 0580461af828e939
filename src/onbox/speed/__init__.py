"""Measure how fast a served model decodes: make the requests and keep what was seen; the judge does the sums."""
