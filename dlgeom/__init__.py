"""Annotation geometry and format conversion."""
