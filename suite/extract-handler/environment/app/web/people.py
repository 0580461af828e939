"""A page of people."""


def list_people(items, query):
    try:
        size = int(query.get("size", 50))
    except ValueError:
        size = 50
    size = max(1, min(size, 200))
    try:
        page = max(1, int(query.get("page", 1)))
    except ValueError:
        page = 1
    text = query.get("q", "").strip().lower()
    found = [item for item in items if text in item["name"].lower() and not item.get("hidden")]
    found = sorted(found, key=lambda item: item["name"], reverse=query.get("order") == "down")
    begin = (page - 1) * size
    return {
        "items": found[begin : begin + size],
        "page": page,
        "pages": max(1, -(-len(found) // size)),
        "total": len(found),
    }
