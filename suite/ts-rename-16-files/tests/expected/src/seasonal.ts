import { computeDiscount } from "./pricing";

export const summerPrice = (price: number): number => computeDiscount(price, 30);
export const winterPrice = (price: number): number => computeDiscount(price, 25);
