import { computeDiscount } from "./pricing";

export interface Preview {
  before: number;
  after: ReturnType<typeof computeDiscount>;
}

export function preview(price: number, percent: number): Preview {
  return { before: price, after: computeDiscount(price, percent) };
}
