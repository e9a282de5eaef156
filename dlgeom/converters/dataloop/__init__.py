"""The labelling platform's JSON: an optional adapter; nothing below `converters` needs it."""
