export interface User {
  name: string;
  email: string;
}

export class UserRepository {
  protected readonly rows = new Map<string, User>();

  /** Keep a user, in place of an older one of that name. */
  persist(user: User): void {
    this.rows.set(user.name, { ...user });
  }

  find(name: string): User | undefined {
    return this.rows.get(name);
  }
}
