import { isWeekend, isoDay } from "../util/dates";
import { FORMAT } from "./dates";

export const cell = (day: number, weekday: number): string =>
  `${FORMAT} ${isoDay(2026, 1, day)}${isWeekend(weekday) ? "*" : ""}`;
