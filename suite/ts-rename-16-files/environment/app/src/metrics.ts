export const COUNTS: Record<string, number> = {};

export function count(metric: string): void {
  COUNTS[metric] = (COUNTS[metric] ?? 0) + 1;
}
