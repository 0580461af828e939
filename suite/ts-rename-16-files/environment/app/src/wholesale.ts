import {
  applyDiscount,
  listPrice,
} from "./pricing";

export function resellerPrices(articles: string[]): number[] {
  return articles.map(listPrice).map((price) => applyDiscount(price, 40));
}
