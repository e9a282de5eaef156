"""Readers and writers of annotation formats, the pipeline between them, and its report."""
