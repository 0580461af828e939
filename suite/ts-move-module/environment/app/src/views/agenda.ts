import * as dates from "../util/dates";

export const agenda = (days: number[]): string[] => days.map((day) => dates.isoDay(2026, 2, day));
