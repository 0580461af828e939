import { computeDiscount, listPrice } from "./index";

export function quote(article: string, pieces: number): number {
  const percent = pieces >= 10 ? 20 : 5;
  return computeDiscount(listPrice(article) * pieces, percent);
}
