import assert from "node:assert";
import test from "node:test";

import { overlaps } from "../src/spans.mjs";

test("spans that share a part overlap", () => {
  assert.equal(overlaps({ start: 1, end: 4 }, { start: 3, end: 5 }), true);
});

test("spans that touch do not", () => {
  assert.equal(overlaps({ start: 1, end: 3 }, { start: 3, end: 5 }), false);
});
