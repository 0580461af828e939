export { computeDiscount, listPrice } from "./pricing";
