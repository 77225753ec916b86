"""One module for each format: a function that detects it and one that loads it."""
