"""Members from a spreadsheet."""


def import_rows(rows, store, log):
    """Keep each (name, email) in the store and return how many there were."""
    keep = store.save
    for name, email in rows:
        keep({"name": name, "email": email})
    log.save(f"imported: {len(rows)}")
    return len(rows)
