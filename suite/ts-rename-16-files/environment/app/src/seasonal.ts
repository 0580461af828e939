import { applyDiscount } from "./pricing";

export const summerPrice = (price: number): number => applyDiscount(price, 30);
export const winterPrice = (price: number): number => applyDiscount(price, 25);
