import { applyDiscount, listPrice } from "./pricing";

export function main(args: string[]): string {
  const [article, percent] = args;
  return String(applyDiscount(listPrice(article), Number(percent)));
}
