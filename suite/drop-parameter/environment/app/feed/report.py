"""What is told about rows."""


def report(rows, verbose=False):
    text = f"{len(rows)} rows"
    return text + "".join("\n" + ",".join(row) for row in rows) if verbose else text
