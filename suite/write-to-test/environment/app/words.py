"""Helpers for plain text."""
