import { computeDiscount as reduced, listPrice } from "./pricing";

export function bundlePrice(articles: string[]): number {
  return reduced(
    articles.reduce((sum, article) => sum + listPrice(article), 0),
    12,
  );
}
