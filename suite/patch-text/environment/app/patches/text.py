"""Patches of text."""


class PatchError(Exception):
    def __init__(self, kind, number):
        super().__init__(f"{kind} {number}")
        self.kind, self.number = kind, number


def apply(text, patch, backwards=False):
    raise NotImplementedError
