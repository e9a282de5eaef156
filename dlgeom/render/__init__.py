"""Annotations to arrays and pictures."""
