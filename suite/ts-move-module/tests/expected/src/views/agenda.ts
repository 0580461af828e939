import * as dates from "../core/dates";

export const agenda = (days: number[]): string[] => days.map((day) => dates.isoDay(2026, 2, day));
