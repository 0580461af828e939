"""Tax, by rate."""

from billing.amounts import share


def taxes(lines):
    found = {}
    for line in lines:
        found[line["rate"]] = found.get(line["rate"], 0) + share(line["amount"], line["rate"])
    return found
