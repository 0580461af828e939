import { computeDiscount } from "./pricing";

const STEPS: [number, number][] = [
  [100, 10],
  [20, 5],
  [0, 0],
];

export function loyalPrice(price: number, orders: number): number {
  const [, percent] = STEPS.find(([least]) => orders >= least) ?? [0, 0];
  return computeDiscount(price, percent);
}
