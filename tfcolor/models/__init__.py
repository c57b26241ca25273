"""Networks: encoders, and what turns their features into a decoder's. Heads stand on top (`tfcolor.heads`)."""
