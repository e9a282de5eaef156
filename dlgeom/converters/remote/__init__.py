"""Sources and targets at addresses: object stores and other file systems, by fsspec."""
