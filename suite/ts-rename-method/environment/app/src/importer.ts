import type { Logger } from "./logger";
import type { User } from "./users";

export interface Store {
  save(user: User): void;
}

/** Keep each row in the store and return how many there were. */
export function importRows(rows: [string, string][], store: Store, log: Logger): number {
  const keep = store.save.bind(store);
  for (const [name, email] of rows) {
    keep({ name, email });
  }
  log.save(`imported: ${rows.length}`);
  return rows.length;
}
