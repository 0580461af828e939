export class Logger {
  readonly lines: string[] = [];

  save(line: string): void {
    this.lines.push(line);
  }
}
