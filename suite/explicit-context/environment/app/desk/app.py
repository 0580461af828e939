"""A whole day."""

from desk.offers import offer
from desk.orders import accept
from desk.reports import report


def day(wishes):
    papers = [offer(*wish) for wish in wishes]
    return report([accept(paper) for paper in papers])
