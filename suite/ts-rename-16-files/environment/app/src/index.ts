export { applyDiscount, listPrice } from "./pricing";
