"""Numbers of other tools: which of them are what they call themselves."""
