"""Which jobs run when."""


class OrderError(Exception):
    def __init__(self, kind, names):
        super().__init__(f"{kind}: {', '.join(names)}")
        self.kind, self.names = kind, names


def rounds(jobs, width):
    raise NotImplementedError
