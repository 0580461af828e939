import * as pricing from "./pricing";

export const line = (article: string, percent: number): string =>
  `${article}: ${(pricing.computeDiscount(pricing.listPrice(article), percent) / 100).toFixed(2)}`;
