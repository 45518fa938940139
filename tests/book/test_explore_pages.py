"""The explorables in Chromium: dragged, typed into, painted on; their numbers are those of Python."""

import math
import re
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from explorables import CLASSES, COUNTS, HTML, LAST, MADE, SIDE, relation_graphs

from reco_book.explore import circle, keys, mixing, paint, seeds, shell, thresholds
from reco_book.power import paired_power, seeds_needed

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@pytest.fixture(scope="module")
def html() -> dict[str, str]:
    return {name: make().data for name, make in HTML.items()}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium")
    sync = pytest.importorskip("playwright.sync_api")
    with sync.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


class Shown:
    """A page with explorables, and the hands of its reader."""

    def __init__(self, browser: Any, texts: list[str], dark: bool = False, **options: Any) -> None:
        self.context = browser.new_context(**{"viewport": {"width": 900, "height": 1200}, **options})
        self.page = self.context.new_page()
        self.page.set_default_timeout(10_000)
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on(
            "request", lambda request: self.errors.append(request.url[:80]) if "data:" not in request.url else 0
        )
        head = '<meta name="viewport" content="width=device-width,initial-scale=1">'
        theme = "dark" if dark else "light"
        body = "".join(f"<div>{text}</div>" for text in texts)
        self.page.set_content(f'<html lang="en" data-theme="{theme}"><head>{head}</head><body>{body}</body></html>')

    def find(self, selector: str) -> Any:
        return self.page.locator(selector).first

    def text(self, name: str) -> str:
        return self.page.locator(f'.rx-live [data-name="{name}"]').first.inner_text()

    def number(self, name: str) -> float:
        return float(re.sub("[ %°]", "", self.text(name)).replace("−", "-"))

    def press(self, label: str) -> None:
        self.page.get_by_role("button", name=label, exact=True).click()

    def slide(self, label: str, *pressed: str) -> None:
        for key in pressed:
            self.page.get_by_role("slider", name=label).press(key)

    def drag(self, selector: str, *places: tuple[float, float], touch: bool = False) -> None:
        """From the first to the last of some places in the element, given as shares of its width and height."""
        box = self.find(selector).bounding_box()
        points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in places]
        if touch:
            device = self.context.new_cdp_session(self.page)
            for kind, point in [("touchStart", points[0]), *(("touchMove", each) for each in points[1:])]:
                touches = [{"x": point[0], "y": point[1]}]
                device.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})
            device.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
            return
        self.page.mouse.move(*points[0])
        self.page.mouse.down()
        for point in points[1:]:
            self.page.mouse.move(*point, steps=3)
        self.page.mouse.up()


@pytest.fixture
def show(browser, html) -> Iterator[Callable[..., Shown]]:
    """Opens explorables by name; in the end no script has failed and nothing was asked of a network."""
    opened: list[Shown] = []

    def start(*names: str, **options: Any) -> Shown:
        shown = Shown(browser, [html[name] for name in names], reduced_motion="reduce", **options)
        opened.append(shown)
        return shown

    yield start
    errors = [error for shown in opened for error in shown.errors]
    for shown in opened:
        shown.context.close()
    assert not errors


def on_circle(angle: float, radius: float = 95.0) -> tuple[float, float]:
    """A place on the page's circle as shares of its picture."""
    turn = math.radians(angle)
    return (190 + radius * math.cos(turn)) / 380, (160 - radius * math.sin(turn)) / 320


def compare_circle(shown: Shown, positive: float, negatives: list[float], temperature: float, copies: int) -> None:
    query = shown.number("query-angle")
    found = circle.circle(query, positive, negatives, temperature, copies)
    best, least = circle.lowest(positive, negatives, temperature, copies)
    assert shown.number("loss") == pytest.approx(found.loss, abs=6e-4)
    assert shown.number("gradient") == pytest.approx(found.gradient, abs=6e-4)
    assert (shown.number("least"), shown.number("best")) == (pytest.approx(least, abs=6e-4), best)
    assert shown.number("next") == pytest.approx(circle.stepped(query, found.gradient), abs=0.06)
    for name, weight in zip(["prototype", *(f"n{i + 1}" for i in range(len(negatives)))], found.weights, strict=True):
        assert shown.number(f"weight-{name}") == pytest.approx(100 * weight, abs=0.06)


def test_circle_is_dragged_and_stepped(show):
    shown = show("circle")
    assert not shown.find('[data-name="loss"]').is_visible(), "nothing is told before the prediction"
    assert shown.page.get_by_role("button", name="Show").is_disabled()
    shown.page.get_by_role("radio", name="On the prototype").check(force=True)
    shown.press("Show")
    assert "25°" in shown.text("answer")
    negatives = list(circle.NEGATIVES)
    compare_circle(shown, 30, negatives, 0.5, 1)
    shown.drag(".rx-cols svg", on_circle(100), on_circle(120), on_circle(140))
    assert shown.number("query-angle") == pytest.approx(140, abs=1)
    shown.find('[role="slider"][data-name="n1"]').press("ArrowRight")
    shown.find('[role="slider"][data-name="prototype"]').press("PageUp")
    shown.slide("Temperature", "ArrowLeft", "ArrowLeft")
    shown.slide("Copies of n1", "End")
    shown.press("Add a negative")
    negatives[0] += 1
    place = float(shown.find('[role="slider"][data-name="n4"]').get_attribute("aria-valuenow"))
    compare_circle(shown, 45, [*negatives, place], 0.4, 256)
    after = shown.number("next")
    shown.press("One gradient step (size 0.1)")
    assert shown.number("query-angle") == pytest.approx(after, abs=0.06)


def test_keys_follow_class_step_temperature_and_sampling(show):
    shown = show("keys")
    shown.find("select").select_option(label="truck")
    shown.press("Show")
    assert shown.text("answer").startswith("Correct")

    def compare(graph: int, query: int, temperature: float, sampling: str) -> None:
        expected = keys.key_shares(relation_graphs()[graph], temperature, sampling, COUNTS)[query]
        for number, name in enumerate(CLASSES):
            told = float(shown.page.locator(f'[data-name="share-{name}"]').get_attribute("data-value"))
            assert told == pytest.approx(expected[number], abs=6e-5)
        assert shown.text("first") == CLASSES[expected.argmax()]
        assert shown.number("first-share") == pytest.approx(100 * expected.max(), abs=0.06)
        assert shown.number("spread") == pytest.approx(keys.spread(expected), abs=0.06)

    compare(2, 2, 0.5, "relation")
    shown.press("road")
    shown.slide("Temperature", "ArrowLeft", "ArrowLeft", "ArrowLeft")
    shown.slide("Training step", "ArrowLeft")
    compare(1, 1, 0.35, "relation")
    shown.slide("Training step", "Home")
    compare(0, 1, 0.35, "relation")
    shown.page.get_by_role("radio", name="uniform").check(force=True)
    compare(0, 1, 0.35, "uniform")


def test_thresholds_sort_the_pixels(show):
    shown = show("thresholds")
    shown.slide("Your prediction", "PageUp")
    shown.press("Show")

    def compare(moment: int, weak: float, strong: float) -> None:
        scene = (MADE.snapshot.teacher_labels, MADE.snapshot.teacher_confidence, MADE.snapshot.student_confidence)
        expected = thresholds.role_counts(*(each[moment, 0] for each in scene), MADE.truth[0], weak, strong)
        assert [shown.number(name) for name in ("ignored", "key", "hard")] == list(expected[:3])
        assert shown.number("eta") == pytest.approx(expected.eta, abs=6e-4)
        assert shown.number("trusted") == pytest.approx(100 * expected.trusted_accuracy, abs=0.06)
        assert shown.number("doubtful") == pytest.approx(100 * expected.doubtful_accuracy, abs=0.06)

    compare(1, 0.7, 0.97)
    shown.slide("trust the teacher", *["ArrowLeft"] * 5)
    shown.slide("too easy", *["ArrowLeft"] * 12)
    compare(1, 0.65, 0.85)
    shown.slide("Training step", "End")
    shown.page.get_by_role("checkbox").check()
    compare(2, 0.65, 0.85)


def test_mixing_follows_classes_and_rectangle(show):
    shown = show("mixing")
    shown.page.get_by_role("radio", name="ClassMix").last.check(force=True)
    shown.page.locator(".rx-predict").get_by_role("radio", name="CutMix").check(force=True)
    shown.press("Show")
    labels, confidence = LAST[0], shell.as_bytes(LAST[1]) / 255

    def compare(mask: np.ndarray, erased: bool = False) -> None:
        edges, along = mixing.seam(mask, labels[0])
        assert shown.number("seam") == edges and shown.number("along") == pytest.approx(100 * along, abs=0.6)
        assert shown.number("share") == pytest.approx(100 * mask.mean(), abs=0.06)
        pair = (0.0, confidence[0]) if erased else confidence
        assert shown.number("confidence") == pytest.approx(mixing.mixed(mask, *pair).mean(), abs=6e-4)

    chosen = set(mixing.half_of_classes(labels[0]))
    compare(mixing.class_mask(labels[0], sorted(chosen)))
    shown.press("road")
    compare(mixing.class_mask(labels[0], sorted(chosen ^ {1})))
    y, x = np.argwhere(labels[0] == 2)[0]
    shown.drag(".rx-stack canvas", ((x + 0.5) / SIDE, (y + 0.5) / SIDE))
    compare(mixing.class_mask(labels[0], sorted(chosen ^ {1, 2})))
    shown.page.get_by_role("radio", name="CutMix").last.check(force=True)
    box = {"top": (SIDE - 17) // 2, "left": (SIDE - 17) // 2, "height": 17}
    compare(mixing.box_mask((SIDE, SIDE), **box))
    shown.drag(".rx-stack", (0.5, 0.5), (0.5 + 2 / SIDE, 0.5 - 3 / SIDE))
    shown.find('[data-name="box"]').press("ArrowLeft")
    box = {"top": 0, "left": box["left"] + 1, "height": 17}
    compare(mixing.box_mask((SIDE, SIDE), **box))
    shown.slide("Height of the rectangle", "ArrowRight", "ArrowRight")
    compare(mixing.box_mask((SIDE, SIDE), **{**box, "height": 19}))
    shown.page.get_by_role("radio", name="CutOut").check(force=True)
    compare(mixing.box_mask((SIDE, SIDE), **{**box, "height": 19}), erased=True)


def test_painting_is_scored(show):
    shown = show("paint")
    shown.slide("Your prediction", "Home")
    shown.press("Show")
    assert "15 %" in shown.text("answer")
    truth, presets = paint.street(), paint.presets(paint.street(), paint.STREET_CLASSES)
    painted = presets["All road"].copy()

    def compare() -> None:
        expected = paint.score(truth, painted, 5)
        assert shown.number("accuracy") == pytest.approx(100 * expected.pixel_accuracy, abs=0.06)
        assert shown.number("miou") == pytest.approx(100 * expected.miou, abs=0.06)
        for number, name in enumerate(paint.STREET_CLASSES):
            assert shown.number(f"iou-{name}") == pytest.approx(100 * expected.iou[number].item(), abs=0.06)
            for other in range(5):
                assert shown.number(f"cell-{number}-{other}") == expected.confusion[number, other]

    compare()
    shown.drag(".rx-canvas", (5.5 / 12, 4.5 / 12), (9.5 / 12, 4.5 / 12))
    painted[4, 5:10] = 1
    compare()
    shown.page.get_by_role("radio", name="person").check(force=True)
    shown.find('.rx-canvas [tabindex="0"]').focus()
    for key in ("ArrowDown", "ArrowRight", "Space", "Shift+ArrowRight"):
        shown.page.keyboard.press(key)
    painted[1, 1:3] = 4
    compare()
    shown.press("Smoothed")
    painted = presets["Smoothed"].copy()
    compare()
    shown.press("Perfect")
    shown.page.get_by_role("radio", name="road").check(force=True)
    for row, left, right in ((0, 0, 2), (1, 0, 1), (2, 8, 9), (3, 8, 9), (9, 1, 2), (10, 1, 2)):
        assert shown.text("challenge").endswith("Not yet.")
        shown.drag(".rx-canvas", *(((x + 0.5) / 12, (row + 0.5) / 12) for x in (left, right)))
    painted = np.where(np.isin(truth, (0, 1)), truth, 0)
    compare()
    assert "Done" in shown.text("challenge")


def test_experiments_are_counted(show):
    shown = show("seeds")
    shown.press("Show")
    noise = seeds.normals(seeds.uniforms(seeds.SEED))

    def compare(expected: seeds.Tally, gain: float, spread: float, number: int) -> None:
        assert [shown.number(name) for name in ("total", "power", "alarms")] == [100, *expected[:2]]
        assert shown.number("shown") == pytest.approx(expected.shown_gain, abs=0.006)
        assert shown.number("theory") == pytest.approx(100 * paired_power(gain, spread, number), abs=0.06)
        assert shown.number("needed") == seeds_needed(gain, spread)

    compare(seeds.simulate(100, 1.0, 1.0, 3, noise=noise), 1.0, 1.0, 3)
    shown.slide("True gain", "ArrowLeft", "ArrowLeft")
    shown.slide("Spread", "ArrowRight")
    shown.slide("Seeds", *["ArrowRight"] * 9)
    assert shown.text("total") == "0", "another question, another count"
    shown.page.get_by_role("checkbox").check()
    shown.press("Run 100")
    compare(seeds.simulate(100, 0.8, 1.1, 12, stop=True, noise=noise), 0.8, 1.1, 12)
    shown.slide("True gain", "Home")
    shown.press("Run 1")
    assert shown.text("total") == "1" and shown.number("theory") == pytest.approx(2.5, abs=0.06)


def test_several_on_a_page_keep_apart_and_follow_the_theme(show):
    shown = show(*HTML, "circle", dark=True)
    shown.page.wait_for_function("document.querySelectorAll('.rx-static').length === 0")
    ids = shown.page.evaluate("[...document.querySelectorAll('[id]')].map(node => node.id)")
    names = shown.page.evaluate("[...document.querySelectorAll('input[type=radio]')].map(i => i.name + i.value)")
    assert len(ids) == len(set(ids)) and len(names) == len(set(names))
    focused = "[...document.querySelectorAll('.rx button, .rx input, .rx select, .rx [tabindex]')]"
    stolen = f"{focused}.filter(node => !node.hasAttribute('data-lm-suppress-shortcuts')).length"
    assert shown.page.evaluate(stolen) == 0, "JupyterLab would take the keys for commands of its own"
    shown.page.get_by_role("radio", name="On the prototype").first.check(force=True)
    shown.page.get_by_role("button", name="Show").first.click()
    opened = shown.page.evaluate("[...document.querySelectorAll('.rx')].map(node => node.dataset.open)")
    assert opened == ["yes", *["no"] * 6]
    ground = "getComputedStyle(document.querySelector('.rx-card')).backgroundColor"
    assert shown.page.evaluate(ground) == "rgb(27, 34, 44)"
    shown.page.evaluate("document.documentElement.dataset.theme = 'light'")
    shown.page.wait_for_function(f"{ground} === 'rgb(255, 255, 255)'")


def test_on_a_phone_with_a_finger(show):
    shown = show(*HTML, **PHONE)
    shown.page.wait_for_function("document.querySelectorAll('.rx-static').length === 0")
    shown.page.evaluate("document.querySelectorAll('.rx').forEach(node => { node.dataset.open = 'yes'; })")
    assert shown.page.evaluate("document.documentElement.scrollWidth") == 390
    small = """[...document.querySelectorAll(".rx button, .rx select, .rx-chip, .rx-check, .rx-slider input")]
        .map(node => [node.getBoundingClientRect(), node.textContent || node.ariaLabel])
        .filter(([box]) => box.width && (box.width < 44 || box.height < 44)).map(([, name]) => name)"""
    assert shown.page.evaluate(small) == []
    shown.find(".rx-circle").scroll_into_view_if_needed()
    shown.drag(".rx-circle .rx-cols svg", on_circle(100), on_circle(60), on_circle(-40), touch=True)
    assert shown.number("query-angle") == pytest.approx(-40, abs=2)
    shown.find(".rx-canvas").scroll_into_view_if_needed()
    shown.drag(".rx-canvas", (5.5 / 12, 4.5 / 12), (9.5 / 12, 4.5 / 12), touch=True)
    assert shown.number("cell-1-1") == 5
    shown.page.locator(".rx-mixing").get_by_role("radio", name="CutMix").last.check(force=True)
    shown.find(".rx-stack").scroll_into_view_if_needed()
    shown.drag(".rx-stack", (0.5, 0.5), (0.5, 0.1), touch=True)
    assert ", 0 from the top" in shown.find('[data-name="box"]').get_attribute("aria-valuetext")


def test_without_scripts_a_picture_stays(show):
    shown = show(*HTML, java_script_enabled=False)
    assert shown.page.locator(".rx-static svg").count() == len(HTML)
    for number in range(len(HTML)):
        picture = shown.page.locator(".rx-static svg").nth(number)
        assert picture.is_visible() and picture.get_attribute("aria-label")
        assert shown.page.locator(".rx-static figcaption").nth(number).is_visible()
