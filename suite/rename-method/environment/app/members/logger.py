"""Messages for the operator."""


class Logger:
    def __init__(self):
        self.lines = []

    def save(self, line):
        """Keep a line."""
        self.lines.append(line)
