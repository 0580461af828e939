"""A day in words."""

from desk import mail, state


def report(papers):
    total = sum(paper["amount"] for paper in papers if paper)
    names = sorted({paper["to"] for paper in papers if paper})
    lines = [f"{name}: {len(mail.sent_to(name))} mails" for name in names]
    return [f"{state.PREFIX} {state.now()}: {total}", *lines]
