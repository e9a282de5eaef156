"""YouTube-VIS and OVIS: one record for each track, with lists over the frames of its video."""
