import { computeDiscount, listPrice } from "./pricing";

export class Cart {
  constructor(
    readonly articles: string[],
    readonly percent = 0,
  ) {}

  total(): number {
    return this.articles.reduce((sum, article) => sum + computeDiscount(listPrice(article), this.percent), 0);
  }
}
