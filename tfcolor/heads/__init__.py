"""Heads: one file for each kind of answer, its layers, target, loss, decoding and measures together (`Head`)."""
