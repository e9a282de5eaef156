"""Subtitles: by hand, from a WebVTT file, and into one."""

import tempfile
from pathlib import Path

import dlgeom as dl

item = dl.Item(name="talk.mp3", media="audio")
builder = item.annotations.builder()
builder.add(dl.Subtitle(text="Hello <all> & welcome", label="Ann"), start_time=0.5, end_time=2)
builder.add(dl.Subtitle(text="Thank you", label="Bob"), start_time=2.125, end_time=3.75)

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "talk.vtt"
    builder.download(path, annotation_format=dl.VIEW_ANNOTATION_OPTIONS_VTT)
    print(path.read_text())

    again = item.annotations.builder()
    again.from_vtt_file(filepath=path)
    for one, two in zip(builder, again, strict=True):
        assert (one.label, one.text) == (two.label, two.text)
        assert (one.start_time, one.end_time) == (two.start_time, two.end_time)

    # The platform's JSON keeps speaker and times too.
    saved = again.download(Path(folder) / "talk.json")
    read = dl.AnnotationCollection.from_json_file(saved)
    assert [a.label for a in read] == ["Ann", "Bob"]
    assert read[1].start_time == 2.125

    # Files as they are: VTT to SRT.
    dl.convert(path, Path(folder) / "talk.srt")
    print((Path(folder) / "talk.srt").read_text())
    assert "00:00:02,125 --> 00:00:03,750" in (Path(folder) / "talk.srt").read_text()

print("subtitles: all as expected")
