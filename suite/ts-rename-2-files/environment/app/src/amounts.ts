/** Amounts of money, in cents. */
export function addNumbers(amounts: Iterable<number>): number {
  let total = 0;
  for (const amount of amounts) {
    total += amount;
  }
  return total;
}

export function fromEuros(euros: number, cents = 0): number {
  return euros * 100 + cents;
}
