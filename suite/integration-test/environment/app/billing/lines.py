"""Lines of an order, gathered."""


def gathered(lines):
    found = {}
    for line in lines:
        key = line["article"]
        if key in found:
            found[key]["count"] += line["count"]
        else:
            found[key] = dict(line)
    return list(found.values())
