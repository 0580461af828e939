export const FORMAT = "long";
