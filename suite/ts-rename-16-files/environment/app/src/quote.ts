import { applyDiscount, listPrice } from "./index";

export function quote(article: string, pieces: number): number {
  const percent = pieces >= 10 ? 20 : 5;
  return applyDiscount(listPrice(article) * pieces, percent);
}
