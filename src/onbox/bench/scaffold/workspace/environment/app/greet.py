"""Words of welcome."""


def greet(name):
    return f"Hi {name}"


def part(name):
    return f"Bye {name}"
