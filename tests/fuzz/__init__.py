"""Hostile replies against all that talks to a server: outcomes are counted, and none may be a traceback."""
