"""One run: what it was, and who caused its end."""
