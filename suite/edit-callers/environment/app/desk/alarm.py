"""When something burns."""

from desk import mail
from desk.pager import Pager


def alarm(names, text, pager=None):
    pager = pager or Pager()
    for name in names:
        mail.notify(name, text, urgent=True)
        pager.notify(name, text, True)
    return pager.calls
