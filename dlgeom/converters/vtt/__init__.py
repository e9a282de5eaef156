"""WebVTT: our own parser, which follows the algorithm of the specification."""
