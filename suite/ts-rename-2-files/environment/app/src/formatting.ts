/** Amounts as people read them. */
export function euros(amount: number): string {
  return `${Math.floor(amount / 100)}.${String(amount % 100).padStart(2, "0")} EUR`;
}
