"""Mean opinion scores (paper, Fig. 5): raters rank what several methods made of the same noisy images."""
