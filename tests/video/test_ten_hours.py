"""Ten hours of 30 frames a second with 1,000 objects: read, asked and written in little memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
import json, random, re, sys
from pathlib import Path
import dlgeom as dl
from dlgeom.video import Keyframe, Track

folder = Path(sys.argv[1])
LAST = 10 * 3600 * 30 - 1
random.seed(0)
item = dl.Item(name="day.mp4", width=1920, height=1080, media="video", fps=30, frame_count=LAST + 1)


def track(number):
    frames = sorted({0, LAST, *random.sample(range(LAST), 18)})
    boxes = [dl.Box(k, number, k + 40, number + 40, "car") for k in range(len(frames))]
    seen = [k % 5 != 3 for k in range(len(frames))]
    keyframes = tuple(map(Keyframe, frames, boxes, seen))
    return Track(keyframes, LAST, str(number), sys.argv[2]).to_annotation()


collection = dl.AnnotationCollection(item, [track(k) for k in range(1000)])
report = dl.Dataset.from_pairs([(item, collection)]).write(folder / "out", format=sys.argv[3])
report.check()
[(same, back)] = list(dl.Dataset.open(folder / "out", sys.argv[3]))
assert len(back) == 1000, len(back)
frames = random.sample(range(LAST + 1), 40)
by_id = {one.object_id: one for one in back}
for one in collection:
    other = by_id[one.object_id]
    for frame in frames:
        a, b = one.frames[frame], other.frames[frame] if frame in other.frames else None
        assert a.object_visible == (b is not None and b.object_visible), (one.object_id, frame)
        if a.object_visible:
            assert a.annotation_definition.is_close(b.annotation_definition, atol=1e-6)
assert len(back.get_frame(frames[0])) <= 1000
peak = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024
print(json.dumps({"report": report.written, "peak": peak}))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
@pytest.mark.parametrize(("mode", "name"), [("hold", "dataloop")])
def test_ten_hours_of_a_thousand_objects(tmp_path: Path, mode: str, name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(tmp_path), mode, name],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert found["report"] == 1000
    # A list with an entry for each frame would be gigabytes.
    assert found["peak"] < 400
