"""What the subtitle formats share: times, texts, files and folders."""
