import { Audit } from "./audit";
import { CachedUserRepository } from "./cache";

export class Office {
  readonly users = new CachedUserRepository();
  readonly audit = new Audit();

  changeEmail(name: string, email: string, clerk: string): void {
    const steps = [() => this.users.save({ name, email }), () => this.audit.save(clerk, `email of ${name}`)];
    steps.forEach((step) => step());
  }
}
