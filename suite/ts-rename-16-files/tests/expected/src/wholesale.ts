import {
  computeDiscount,
  listPrice,
} from "./pricing";

export function resellerPrices(articles: string[]): number[] {
  return articles.map(listPrice).map((price) => computeDiscount(price, 40));
}
