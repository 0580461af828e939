const CODES: Record<string, number> = { WELCOME: 10, FRIEND: 15 };

/** The percentage that a code is worth; 0 for an unknown one. */
export function applyDiscountCode(code: string): number {
  return CODES[code.trim().toUpperCase()] ?? 0;
}
