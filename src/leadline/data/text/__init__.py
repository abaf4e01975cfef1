"""Text as numbers: words, vocabularies learnt from training rows, and the encoders of columns of text."""
