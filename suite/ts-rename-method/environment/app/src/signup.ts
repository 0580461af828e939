import { Audit } from "./audit";
import { Logger } from "./logger";
import { User, UserRepository } from "./users";

export class Signup {
  constructor(
    private readonly users: UserRepository,
    private readonly logger: Logger,
    private readonly audit: Audit,
  ) {}

  join(name: string, email: string): User {
    const user = { name, email };
    this.users.save(user);
    this.logger.save(`joined: ${name}`);
    this.audit.save(name, "join");
    return user;
  }
}
