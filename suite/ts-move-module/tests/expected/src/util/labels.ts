import { isWeekend } from "../core/dates";
import { pad } from "./strings";

export const label = (weekday: number, hour: number): string =>
  `${isWeekend(weekday) ? "off" : "on"} ${pad(hour)}`;
