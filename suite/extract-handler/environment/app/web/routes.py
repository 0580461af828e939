"""Addresses and their handlers."""

from web.articles import list_articles
from web.offers import list_offers
from web.orders import list_orders
from web.people import list_people

ROUTES = {
    "/articles": list_articles,
    "/people": list_people,
    "/orders": list_orders,
    "/offers": list_offers,
}
