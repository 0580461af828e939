"""Several articles for one price."""

from shop.pricing import apply_discount as reduced
from shop.pricing import list_price


def bundle_price(articles):
    return reduced(sum(list_price(article) for article in articles), 12)
