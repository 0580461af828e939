"""A page on loopback over a folder of trials: it shows what the judge says, and computes no number of its own."""
