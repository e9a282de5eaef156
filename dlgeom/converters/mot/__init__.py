"""MOTChallenge: tracks and detections as rows of text."""
