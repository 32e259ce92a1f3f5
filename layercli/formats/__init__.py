"""Weight files, read and written without torch: one format per file; ``detect`` identifies them."""
