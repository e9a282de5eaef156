"""Floor: VOC XML to COCO. Usage: voc_coco.py SOURCE TARGET.json"""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path

import msgspec
from lxml import etree


def main(source: Path, target: Path) -> None:
    gc.disable()
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    categories: dict[str, int] = {}
    images: list[dict] = []
    encode = msgspec.json.encode
    number = 0
    with open(target, "wb") as out:
        out.write(b'{"info": {}, "licenses": [], "annotations": [')
        waiting: list[dict] = []
        for name in sorted(os.listdir(source / "Annotations")):
            root = etree.parse(str(source / "Annotations" / name), parser).getroot()
            record: dict = {"id": len(images) + 1}
            for child in root:
                if child.tag == "filename":
                    record["file_name"] = child.text
                elif child.tag == "size":
                    for part in child:
                        if part.tag != "depth":
                            record[part.tag] = int(part.text)
                elif child.tag == "object":
                    label, box = "", {}
                    for part in child:
                        if part.tag == "name":
                            label = part.text
                        elif part.tag == "bndbox":
                            box = {edge.tag: float(edge.text) for edge in part}
                    x, y = box["xmin"], box["ymin"]
                    w, h = box["xmax"] - x, box["ymax"] - y
                    number += 1
                    waiting.append(
                        {
                            "id": number,
                            "image_id": record["id"],
                            "category_id": categories.setdefault(label, len(categories) + 1),
                            "bbox": [x, y, w, h],
                            "area": w * h,
                            "iscrowd": 0,
                            "segmentation": [],
                        }
                    )
            images.append(record)
            if len(waiting) > 10_000:
                out.write(encode(waiting)[1:-1] + b",")
                waiting = []
        out.write(encode(waiting)[1:-1] + b'], "images": ' + encode(images))
        names = [{"id": k, "name": name} for name, k in categories.items()]
        out.write(b', "categories": ' + encode(names) + b"}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
