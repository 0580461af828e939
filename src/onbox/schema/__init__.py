"""Types that rooms share and none of them owns: plain data, the standard library alone."""
