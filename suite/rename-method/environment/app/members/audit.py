"""Who did what, for the auditor."""


class Audit:
    def __init__(self):
        self.entries = []

    def save(self, who, what):
        """Keep an entry."""
        self.entries.append((who, what))
