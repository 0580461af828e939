/**
 * @typedef {{ start: number, end: number }} Span
 */

/**
 * Whether two spans have a part in common.
 * @param {Span} a
 * @param {Span} b
 * @returns {boolean}
 */
export function overlaps(a, b) {
  return a.start <= b.end || b.start <= a.end;
}

/**
 * @param {Span} span
 * @returns {number}
 */
export function length(span) {
  return span.end - span.start;
}
