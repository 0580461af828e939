export class Audit {
  readonly entries: [string, string][] = [];

  save(who: string, what: string): void {
    this.entries.push([who, what]);
  }
}
