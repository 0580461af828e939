import { pad } from "./strings";

export function isoDay(year: number, month: number, day: number): string {
  return `${year}-${pad(month)}-${pad(day)}`;
}

export function isWeekend(weekday: number): boolean {
  return weekday === 0 || weekday === 6;
}
