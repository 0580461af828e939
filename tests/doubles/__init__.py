"""Stand-ins that are real programs: a server process with a script in the place of a model."""
