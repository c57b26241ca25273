"""Arithmetic on colours: `spaces` (RGB, gray, YUV, Lab) and the numbers behind it in `constants`."""
