"""Weight files, read and written without torch; one format per file, and ``detect`` to tell them apart."""
