"""Pascal VOC: reader and writer."""
