import type { Cart } from "./cart";
import { applyDiscountCode } from "./codes";
import { count } from "./metrics";
import { computeDiscount } from "./pricing";

/** What is to be paid, after the customer's code. */
export function checkout(cart: Cart, code = ""): number {
  count("applyDiscount.calls");
  return computeDiscount(cart.total(), applyDiscountCode(code));
}
