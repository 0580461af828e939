import { isoDay } from "./util/dates";
import { label } from "./util/labels";

export const header = (): string => `${isoDay(2026, 1, 5)} ${label(1, 9)}`;
