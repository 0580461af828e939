import { applyDiscount, listPrice } from "./pricing";

export function refund(article: string, percentPaidLess: number, days: number): number {
  // After two weeks applyDiscount takes a handling fee of ten percent.
  const paid = applyDiscount(listPrice(article), percentPaidLess);
  return days <= 14 ? paid : applyDiscount(paid, 10);
}
