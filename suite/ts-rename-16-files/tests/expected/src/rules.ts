import { computeDiscount } from "./pricing";

export const RULES: Record<string, (price: number) => number> = {
  none: (price) => price,
  half: (price) => computeDiscount(price, 50),
  staff: (price) => computeDiscount(price, 35),
};
