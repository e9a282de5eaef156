"""SubRip: our own reader and writer, with the tolerance that files in the wild need."""
