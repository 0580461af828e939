import type { Cart } from "./cart";
import { applyDiscountCode } from "./codes";
import { count } from "./metrics";
import { applyDiscount } from "./pricing";

/** What is to be paid, after the customer's code. */
export function checkout(cart: Cart, code = ""): number {
  count("applyDiscount.calls");
  return applyDiscount(cart.total(), applyDiscountCode(code));
}
