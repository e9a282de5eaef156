"""COCO: reader and writer."""
