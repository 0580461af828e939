"""Steps of discount."""


def discount(count, steps):
    best = 0
    for step in sorted(steps, key=lambda step: step["from"]):
        if count >= step["from"]:
            best = step["percent"]
    return best
