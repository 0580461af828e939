"""Users that were looked up lately."""

from members.users import UserRepository


class CachedUserRepository(UserRepository):
    """A UserRepository that remembers what it found."""

    def __init__(self):
        super().__init__()
        self.seen = {}

    def save(self, user):
        super().save(user)
        self.seen.pop(user["name"], None)

    def find(self, name):
        if name not in self.seen:
            self.seen[name] = super().find(name)
        return self.seen[name]
