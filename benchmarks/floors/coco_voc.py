"""Floor: COCO to VOC XML. Usage: coco_voc.py SOURCE.json TARGET"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
from common import Boxed, Image, open_coco, subset_of, windows, write_files


def main(source: str, target: Path) -> None:
    data, head, start, stop = open_coco(source)
    decoder = msgspec.json.Decoder(list[Boxed])
    columns = []
    for window in windows(data, start, stop):
        rows = decoder.decode(window)
        columns.append(
            np.array([(r.image_id, r.category_id, *r.bbox) for r in rows], dtype=np.float64)
        )
    table = np.concatenate(columns)
    ids = np.array([image.id for image in head.images])
    order = np.argsort(ids)
    image = order[np.searchsorted(ids[order], table[:, 0])]
    by_image = np.argsort(image, kind="stable")
    table, image = table[by_image], image[by_image]
    corners = table[:, 2:].copy()
    corners[:, 2:] += corners[:, :2]
    names = {c.id: c.name for c in head.categories}
    labels = [names[k] for k in table[:, 1].astype(np.int64).tolist()]
    at = np.searchsorted(image, np.arange(len(ids) + 1)).tolist()

    def texts() -> Iterator[bytes]:
        for k, record in enumerate(head.images):
            a, b = at[k], at[k + 1]
            yield document(record, labels[a:b], corners[a:b].tolist())

    stems = [image.file_name[:-4] + ".xml" for image in head.images]
    write_files(target / "Annotations", stems, texts())
    (target / "ImageSets" / "Main").mkdir(parents=True)
    (target / "ImageSets" / "Main" / f"{subset_of(source)}.txt").write_text(
        "\n".join(s[:-4] for s in stems) + "\n"
    )


def document(image: Image, labels: list[str], boxes: list[list[float]]) -> bytes:
    objects = [
        f"\t<object>\n\t\t<name>{name}</name>\n\t\t<pose>Unspecified</pose>\n"
        "\t\t<truncated>0</truncated>\n\t\t<difficult>0</difficult>\n\t\t<bndbox>\n"
        f"\t\t\t<xmin>{x0}</xmin>\n\t\t\t<ymin>{y0}</ymin>\n\t\t\t<xmax>{x1}</xmax>\n"
        f"\t\t\t<ymax>{y1}</ymax>\n\t\t</bndbox>\n\t</object>\n"
        for name, (x0, y0, x1, y1) in zip(labels, boxes, strict=True)
    ]
    return (
        f"<annotation>\n\t<folder>JPEGImages</folder>\n\t<filename>{image.file_name}</filename>\n"
        f"\t<size>\n\t\t<width>{image.width}</width>\n\t\t<height>{image.height}</height>\n"
        f"\t\t<depth>3</depth>\n\t</size>\n\t<segmented>0</segmented>\n{''.join(objects)}"
        "</annotation>\n"
    ).encode()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
