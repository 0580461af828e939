import { User, UserRepository } from "./users";

/** A UserRepository that remembers what it found. */
export class CachedUserRepository extends UserRepository {
  private readonly seen = new Map<string, User | undefined>();

  override save(user: User): void {
    super.save(user);
    this.seen.delete(user.name);
  }

  override find(name: string): User | undefined {
    if (!this.seen.has(name)) {
      this.seen.set(name, super.find(name));
    }
    return this.seen.get(name);
  }
}
