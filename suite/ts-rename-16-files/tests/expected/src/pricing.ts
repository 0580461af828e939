const PRICES: Record<string, number> = { pen: 250, ink: 799, desk: 24900 };

export function listPrice(article: string): number {
  return PRICES[article];
}

/** A price less a discount, rounded down to whole cents. */
export function computeDiscount(price: number, percent: number): number {
  return Math.floor((price * (100 - percent)) / 100);
}
