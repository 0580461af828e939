"""Real servers and processes that behave badly on purpose."""
