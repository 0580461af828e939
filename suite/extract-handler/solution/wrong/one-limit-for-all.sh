#!/bin/bash
cd "${APP_DIR:-/app}" || exit 1
cat > web/listing.py <<'END'
"""A page of items, as a query asks for it."""


def listing(items, query, *, size, limit, key, keep=lambda item: True):
    shown = max(1, min(_number(query, "size", size), limit))
    page = max(1, _number(query, "page", 1))
    text = query.get("q", "").strip().lower()
    found = [item for item in items if text in item[key].lower() and keep(item)]
    found = sorted(found, key=lambda item: item[key], reverse=query.get("order") == "down")
    begin = (page - 1) * shown
    pages = max(1, -(-len(found) // shown))
    return {"items": found[begin : begin + shown], "page": page, "pages": pages, "total": len(found)}


def _number(query, name, default):
    try:
        return int(query.get(name, default))
    except ValueError:
        return default
END
cat > web/articles.py <<'END'
"""A page of articles."""

from web.listing import listing


def list_articles(items, query):
    return listing(items, query, size=20, limit=100, key="title")
END
cat > web/people.py <<'END'
"""A page of people."""

from web.listing import listing


def list_people(items, query):
    return listing(items, query, size=50, limit=100, key="name", keep=lambda item: not item.get("hidden"))
END
cat > web/orders.py <<'END'
"""A page of orders."""

from web.listing import listing


def list_orders(items, query):
    return listing(items, query, size=10, limit=100, key="number")
END
cat > web/offers.py <<'END'
"""A page of offers."""

from web.listing import listing


def list_offers(items, query):
    return listing(items, query, size=25, limit=100, key="title", keep=lambda item: item.get("open", True))
END
