"""What the office does."""

from members.audit import Audit
from members.cache import CachedUserRepository


class Office:
    def __init__(self):
        self.users = CachedUserRepository()
        self.audit = Audit()

    def change_email(self, name, email, clerk):
        user = dict(self.users.find(name) or {"name": name})
        user["email"] = email
        for step in (lambda: self.users.save(user), lambda: self.audit.save(clerk, f"email of {name}")):
            step()
