"""New members."""


class Signup:
    def __init__(self, users, logger, audit):
        self.users = users
        self.logger = logger
        self.audit = audit

    def join(self, name, email):
        user = {"name": name, "email": email}
        self.users.save(user)
        self.logger.save(f"joined: {name}")
        self.audit.save(name, "join")
        return user
