import { applyDiscount } from "./pricing";

export interface Preview {
  before: number;
  after: ReturnType<typeof applyDiscount>;
}

export function preview(price: number, percent: number): Preview {
  return { before: price, after: applyDiscount(price, percent) };
}
