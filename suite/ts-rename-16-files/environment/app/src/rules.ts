import { applyDiscount } from "./pricing";

export const RULES: Record<string, (price: number) => number> = {
  none: (price) => price,
  half: (price) => applyDiscount(price, 50),
  staff: (price) => applyDiscount(price, 35),
};
