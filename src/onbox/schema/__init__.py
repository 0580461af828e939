"""Types that rooms share and none of them owns: plain data, and no file or program is asked."""
