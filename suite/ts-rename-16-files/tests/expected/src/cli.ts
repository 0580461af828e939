import { computeDiscount, listPrice } from "./pricing";

export function main(args: string[]): string {
  const [article, percent] = args;
  return String(computeDiscount(listPrice(article), Number(percent)));
}
