"""Data sets in zip and tar files, read safely: names are checked first, limits hold."""
