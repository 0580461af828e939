"""The pager of who is on call."""


class Pager:
    def __init__(self):
        self.calls = []

    def notify(self, user, text, urgent):
        self.calls.append((user, text, urgent))
