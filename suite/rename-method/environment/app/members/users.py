"""Where users are kept."""


class UserRepository:
    """Users by name."""

    def __init__(self):
        self.rows = {}

    def save(self, user):
        """Keep a user, in place of an older one of that name."""
        self.rows[user["name"]] = dict(user)

    def find(self, name):
        return self.rows.get(name)
