"""The page in a real browser: clicks, filters, zoom, charts, a screenshot."""

from __future__ import annotations

import io
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dlgeom as dl
from dlgeom.view import view

SAMPLE = Path(dl.__file__).parent / "sample" / "coco"
SWITCHES = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1300,850",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    binary = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if binary is None or driver is None:
        pytest.skip("no Chromium with its driver: install chromium and chromium-driver")
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = binary
    with tempfile.TemporaryDirectory() as profile:
        for switch in (*SWITCHES, f"--user-data-dir={profile}"):
            options.add_argument(switch)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        chrome = webdriver.Chrome(options=options, service=Service(driver))
        chrome.implicitly_wait(5)
        yield chrome
        chrome.quit()


@pytest.fixture(params=["one file", "files beside it"])
def page(request: pytest.FixtureRequest, browser: Any, tmp_path: Path) -> Iterator[Any]:
    target = tmp_path / "page with ümläut # and %.html"
    view(SAMPLE, target, to_format="yolo", embed=request.param == "one file")
    browser.get("about:blank")
    browser.get(target.as_uri())
    wait(browser, lambda: len(browser.find_elements("css selector", ".card img")) == 5)
    yield browser
    messages = [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert messages == []
    loaded = browser.execute_script(
        "return performance.getEntriesByType('resource').map(entry => entry.name)"
    )
    assert all(name.startswith(("data:", "file:")) for name in loaded)


def wait(browser: Any, condition: Any) -> None:
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(browser, 10).until(lambda _: condition())


def cards(browser: Any) -> list[str]:
    found: list[str] = browser.execute_script(
        "return [...document.querySelectorAll('.card')].map(card => card.title)"
    )
    return found


def one(browser: Any, selector: str) -> Any:
    return browser.find_element("css selector", selector)


def set_value(browser: Any, selector: str, value: object) -> None:
    browser.execute_script(
        "const node = document.querySelector(arguments[0]); node.value = arguments[1];"
        "node.dispatchEvent(new Event('input'))",
        selector,
        str(value),
    )


def test_filters_leave_the_images_that_match(page: Any) -> None:
    every = cards(page)
    assert len(every) == 5
    one(page, "#search").send_keys("SIGN")
    assert cards(page) == [name for name in every if "sign" in name]
    assert one(page, "#shown").text == "2 images of 5"
    set_value(page, "#search", "")

    one(page, "#none").click()
    assert cards(page) == ["empty.png"]
    one(page, "#empty").click()
    assert cards(page) == []
    labels = page.find_elements("css selector", "#labels label")
    [car] = [label for label in labels if "car" in label.text]
    car.find_element("css selector", "input").click()
    assert cards(page) == ["street/0001.png"]
    one(page, "#all").click()
    one(page, "#empty").click()
    assert cards(page) == every

    one(page, "[data-code='geometry.rotated_to_box'] input").click()
    assert cards(page) == [name for name in every if "sign" in name]
    one(page, "[data-code='geometry.rotated_to_box'] input").click()

    set_value(page, "#score", 1)
    assert len(cards(page)) < 5


def test_an_image_opens_with_its_overlay(page: Any) -> None:
    one(page, ".card[title='park/0001.png']").click()
    wait(page, lambda: one(page, "#viewer").is_displayed())
    assert one(page, "#name").text == "park/0001.png"
    wait(
        page, lambda: page.execute_script("return document.getElementById('picture').naturalWidth")
    )
    assert len(page.find_elements("css selector", "#overlay > g")) == 2
    # The overlay lies on the picture, whatever the zoom.
    boxes = page.execute_script(
        "return ['picture', 'overlay'].map(id => {"
        "const box = document.getElementById(id).getBoundingClientRect();"
        "return [box.left, box.top, box.width, box.height]})"
    )
    assert np.allclose(*boxes, atol=0.5)
    before = one(page, "#zoom").text
    one(page, "#in").click()
    assert one(page, "#zoom").text != before
    one(page, "#fit").click()
    assert one(page, "#zoom").text == before

    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(page).move_to_element(one(page, "#list li:nth-child(1)")).perform()
    wait(page, lambda: one(page, "#tip").is_displayed())
    assert "annotations[" in one(page, "#tip").text
    assert "geometry.mask_lost" in one(page, "#tip").text

    one(page, "#next").click()
    wait(page, lambda: one(page, "#name").text != "park/0001.png")
    one(page, "body").send_keys("\ue00c")  # Escape
    wait(page, lambda: not one(page, "#viewer").is_displayed())


def test_dragging_moves_the_picture(page: Any) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    one(page, ".card").click()
    wait(page, lambda: one(page, "#viewer").is_displayed())
    left = "return document.getElementById('picture').getBoundingClientRect().left"
    before = page.execute_script(left)
    ActionChains(page).drag_and_drop_by_offset(one(page, "#stage"), 60, 0).perform()
    assert page.execute_script(left) == pytest.approx(before + 60, abs=1)


def test_charts_and_report_are_there(page: Any) -> None:
    one(page, "[data-tab='charts']").click()
    assert len(page.find_elements("css selector", "#charts figure svg")) > 4
    one(page, "[data-tab='report']").click()
    assert "geometry.to_box" in one(page, "#report").text
    one(page, "[data-tab='images']").click()
    assert len(cards(page)) == 5


def test_a_screenshot_shows_the_shapes_where_they_are(page: Any) -> None:
    from PIL import Image

    one(page, ".card[title='street/0001.png']").click()
    wait(
        page, lambda: page.execute_script("return document.getElementById('picture').naturalWidth")
    )
    set_value(page, "#fill", 1)
    one(page, "#texts").click()
    picture = np.array(Image.open(io.BytesIO(one(page, "#stage").screenshot_as_png)).convert("RGB"))
    colors = {
        tuple(pixel) for pixel in picture.reshape(-1, 3)[:: max(1, picture.size // 60_000)].tolist()
    }
    assert len(colors) > 3
    # The middle of the first polygon's fill has the colour of its label.
    box = page.execute_script(
        "const shape = document.querySelector('#overlay g:last-of-type .shape');"
        "const box = shape.getBoundingClientRect(), stage = document.getElementById('stage')"
        ".getBoundingClientRect();"
        "return [box.left - stage.left + box.width / 4, box.top - stage.top + box.height / 2,"
        "getComputedStyle(shape).fill]"
    )
    wanted = [int(part) for part in box[2].strip("rgb()").split(",")]
    found = picture[round(box[1]), round(box[0])].astype(int)
    assert np.abs(found - wanted).max() <= 6


# ------------------------------------------------------------------ videos


@pytest.fixture
def film(browser: Any, tmp_path: Path) -> Iterator[Any]:
    pytest.importorskip("av")
    from fractions import Fraction

    from dlgeom.video import FrameTimes, VideoWriter

    source = tmp_path / "set"
    (source / "items").mkdir(parents=True)
    # A variable rate: a player that multiplies shows the boxes on the wrong pictures.
    steps = np.random.default_rng(0).integers(20, 200, 39)
    times = FrameTimes([0, *np.cumsum(steps).tolist()], Fraction(1, 1000))
    with VideoWriter(source / "items" / "v.mp4", times=times) as writer:
        for k in range(40):
            picture = np.full((120, 320, 3), 60, dtype=np.uint8)
            picture[40:80, 6 * k : 6 * k + 40] = (220, 200, 60)
            writer.write(picture)
    item = dl.Item(name="v.mp4", width=320, height=120, media="video", fps=25, frame_count=40)
    moving = dl.Annotation.new(item=item, object_id="1")
    for k in range(5, 35):
        moving.add_frame(dl.Box(6 * k, 40, 6 * k + 40, 80, "block"), k)
    pair = (item, dl.AnnotationCollection(item, [moving]))
    dl.Dataset.from_pairs([pair]).write(source / "data", format="dataloop")
    target = tmp_path / "film.html"
    view(source / "data", target, from_format="dataloop", images=source / "items")
    browser.get("about:blank")
    browser.get(target.as_uri())
    wait(browser, lambda: len(browser.find_elements("css selector", ".card img")) == 1)
    one(browser, ".card").click()
    wait(
        browser,
        lambda: browser.execute_script("return document.getElementById('film').readyState >= 2"),
    )
    yield browser
    messages = [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert messages == []


def edges_of_block(browser: Any) -> tuple[float, float, float, float]:
    """Return left and right of the block in the picture, and of its box, in video pixels."""
    from PIL import Image

    set_value(browser, "#fill", 0)
    stage = Image.open(io.BytesIO(one(browser, "#stage").screenshot_as_png)).convert("RGB")
    pixels = np.array(stage).astype(int)
    left, top, width, height = browser.execute_script(
        "const stage = document.getElementById('stage').getBoundingClientRect();"
        "const box = document.getElementById('film').getBoundingClientRect();"
        "return [box.left - stage.left, box.top - stage.top, box.width, box.height]"
    )
    row = pixels[round(top + height / 2), round(left) : round(left + width)]
    yellow = np.flatnonzero((row[:, 0] > 150) & (row[:, 2] < 120))
    scale = 320 / width
    box = browser.execute_script(
        "const r = document.querySelector('#overlay rect'); return r && [+r.getAttribute('x'), "
        "+r.getAttribute('x') + +r.getAttribute('width')]"
    )
    return yellow.min() * scale, (yellow.max() + 1) * scale, *(box or (-1, -1))


def test_boxes_lie_on_the_right_pictures_of_a_video(film: Any) -> None:
    for frame in (5, 20, 33, 12):
        set_value(film, "#time", frame)
        wait(film, lambda: one(film, "#frame").text == f"frame {frame} of 40")  # noqa: B023
        left, right, *box = edges_of_block(film)
        assert box == [6 * frame, 6 * frame + 40]
        assert (left, right) == pytest.approx(box, abs=3)
    set_value(film, "#time", 2)
    wait(film, lambda: one(film, "#frame").text == "frame 2 of 40")
    assert edges_of_block(film)[2:] == (-1, -1)
    one(film, "#on").click()
    wait(film, lambda: one(film, "#frame").text == "frame 3 of 40")


def test_a_playing_video_takes_its_boxes_along(film: Any) -> None:
    set_value(film, "#time", 6)
    wait(film, lambda: one(film, "#frame").text == "frame 6 of 40")
    one(film, "#play").click()
    wait(film, lambda: int(one(film, "#frame").text.split()[1]) > 12)
    one(film, "#play").click()
    wait(film, lambda: film.execute_script("return document.getElementById('film').paused"))
    import time

    time.sleep(0.5)  # the last picture's callback
    left, _, *box = edges_of_block(film)
    assert left == pytest.approx(box[0], abs=3)


# ------------------------------------------------------------------ many images, any window


@pytest.fixture
def many(browser: Any, tmp_path: Path) -> Iterator[Any]:
    pairs = []
    for k in range(150):
        item = dl.Item(name=f"f/{k:03}.png", width=100, height=80)
        builder = item.annotations.builder()
        builder.add(dl.Box(9, 9, 60, 50, f"c{k % 3}"))
        pairs.append((item, builder))
    dl.Dataset.from_pairs(pairs).write(tmp_path / "set.json", format="coco")
    view(tmp_path / "set.json", tmp_path / "many.html")
    before = browser.get_window_size()
    browser.get("about:blank")
    browser.get((tmp_path / "many.html").as_uri())
    yield browser
    browser.set_window_size(before["width"], before["height"])


@pytest.mark.parametrize("size", [(1300, 850), (500, 800)], ids=str)
def test_many_cards_keep_their_size_and_name(many: Any, size: tuple[int, int]) -> None:
    many.set_window_size(*size)
    wait(many, lambda: len(cards(many)) == 60)
    cut = many.execute_script(
        "return [...document.querySelectorAll('.card')].filter(card => {"
        "const box = card.getBoundingClientRect();"
        "const name = card.querySelector('.caption').getBoundingClientRect();"
        "return box.height < 130 || name.bottom > box.bottom + 1}).length"
    )
    assert cut == 0
    wide = many.execute_script("return document.getElementById('grid').clientWidth / innerWidth")
    assert wide > 0.7
    one(many, ".card").click()
    wait(many, lambda: one(many, "#viewer").is_displayed())
    wide = many.execute_script("return document.getElementById('stage').clientWidth / innerWidth")
    assert wide > 0.7


def test_a_window_larger_than_the_first_cards_shows_more(many: Any) -> None:
    many.set_window_size(3000, 2400)
    wait(many, lambda: len(cards(many)) > 60)
    many.set_window_size(1300, 850)
    for _ in range(5):
        many.execute_script("const g = document.getElementById('grid'); g.scrollTop = 1e9")
        many.execute_script("document.getElementById('grid').dispatchEvent(new Event('scroll'))")
    wait(many, lambda: len(cards(many)) == 150)


def test_labels_without_a_colour_get_colours_that_differ(many: Any) -> None:
    colors = many.execute_script(
        "return [...document.querySelectorAll('#labels .swatch')]"
        ".map(one => getComputedStyle(one).backgroundColor)"
    )
    numbers = np.array([[int(n) for n in color.strip("rgb()").split(",")] for color in colors])
    assert len(numbers) == 3
    apart = np.abs(numbers[:, None] - numbers[None]).sum(axis=2)
    assert apart[~np.eye(3, dtype=bool)].min() > 150


def test_a_label_of_any_length_leaves_room_for_the_others(browser: Any, tmp_path: Path) -> None:
    builder = dl.Item(name="a.png", width=100, height=80).annotations.builder()
    builder.add([dl.Box(9, 9, 60, 50, "long " * 900), dl.Box(9, 9, 60, 50, "short")])
    dl.Dataset.from_pairs([(builder.item, builder)]).write(tmp_path / "set.json", format="coco")
    view(tmp_path / "set.json", tmp_path / "long.html")
    browser.get((tmp_path / "long.html").as_uri())
    heights = browser.execute_script(
        "return [...document.querySelectorAll('#labels .check')].map(row => row.offsetHeight)"
    )
    assert len(heights) == 2
    assert max(heights) < 100
    titles = [row.get_attribute("title") for row in browser.find_elements("css selector", ".check")]
    assert "short" in titles
