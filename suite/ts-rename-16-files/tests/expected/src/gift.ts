import { computeDiscount } from "./pricing";

type Discount = typeof computeDiscount;

export function gift(price: number, discount: Discount = computeDiscount): number {
  return discount(price, 100);
}
