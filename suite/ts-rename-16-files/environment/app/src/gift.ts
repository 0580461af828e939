import { applyDiscount } from "./pricing";

type Discount = typeof applyDiscount;

export function gift(price: number, discount: Discount = applyDiscount): number {
  return discount(price, 100);
}
