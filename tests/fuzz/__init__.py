"""Files that are damaged on purpose, and what is said of them."""
