"""Writes editor.jpg, editor_labels.jpg and editor_phone.jpg, the editor's page (CREDITS.md), and measures it.

python docs/images/make_editor.py               # needs Chromium and `pip install 'tfcolor[app]' playwright`
python docs/images/make_editor.py --latency 30  # no pictures: from the hand's last move to the colours on the screen
"""

import argparse
import io
import shutil
import statistics
import time
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from tfcolor import app
from tfcolor.app.desk import Desk

HERE = Path(__file__).parent
QUALITY = 86
SHOWN = """() => new Promise(done => {
  const wait = () => editor.view.shown > 0 && editor.view.shown === editor.store.revision
    ? requestAnimationFrame(() => requestAnimationFrame(done)) : setTimeout(wait, 20);
  wait();
})"""
# The hand lets go, or where one press does it all presses -> the frame after that in which the new colours were drawn.
LATENCY = """kind => {
  const canvas = document.getElementById("stage");
  let start = 0;
  canvas.addEventListener(kind, () => (start = performance.now()), {once: true, capture: true});
  canvas.addEventListener("shown", function shown() {
    if (!start || editor.view.shown !== editor.store.revision) return;
    canvas.removeEventListener("shown", shown);
    requestAnimationFrame(() => (globalThis.took = performance.now() - start));
  });
  globalThis.took = 0;
}"""
# The brush gets a label that is not there, so that something changes.
OTHER_LABEL = """([column, row]) => {
  const {tools, store} = editor;
  tools.label = (store.labels[tools.index(column, row)] + 1) % tools.classes.length;
}"""
DRAWING = """() => {
  const {view} = editor, draw = view.setChroma.bind(view);
  globalThis.drawing = [];
  view.setChroma = (...given) => {
    const start = performance.now();
    draw(...given);
    drawing.push(performance.now() - start);
  };
}"""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--latency", type=int, metavar="N")
    args = parser.parse_args()
    editor = app.Editor(port=0).start()
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        if args.latency:
            measure(opened(browser, editor.url, "coffee", viewport={"width": 1280, "height": 800}), args.latency)
        else:
            page = opened(browser, editor.url, "coffee", viewport={"width": 1280, "height": 800})
            for name, column, row in (("brick", 0.54, 0.73), ("wood", 0.12, 0.55)):
                click(page, name, column, row)
            page.click("#more-looks")
            page.wait_for_selector("#look-list img")
            page.keyboard.press("x")
            save(page, "editor.jpg")
            save(opened(browser, editor.url, "chelsea", viewport={"width": 1280, "height": 800}), "editor_labels.jpg")
            page = opened(browser, editor.url, "astronaut", **playwright.devices["Pixel 5"])
            click(page, "denim", 0.6, 0.72)
            save(page, "editor_phone.jpg")
        browser.close()
    editor.stop()


def opened(browser, url, example, **choices):
    page = browser.new_context(**choices).new_page()
    page.goto(url)
    page.click(f"[aria-label='Example: {example}']")
    page.wait_for_selector("body:not(.empty)")
    page.evaluate(SHOWN)
    return page


def click(page, colour, column, row):
    """A hint of one of the page's colours, at a place in shares of the photo."""
    page.keyboard.press("Escape")
    page.click(f"[aria-label='{colour}']")
    page.mouse.click(*place(page, column, row))
    page.evaluate(SHOWN)


def place(page, column, row):
    return page.evaluate(
        """([column, row]) => {
          const {left, top} = editor.view.canvas.getBoundingClientRect();
          const [x, y] = editor.view.toStage(column, row);
          return [left + x, top + y];
        }""",
        [column, row],
    )


def save(page, name):
    page.wait_for_timeout(300)
    image = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    if image.width > 1280 or image.height > 1280:
        image.thumbnail((1280, 1280))
    image.save(HERE / name, quality=QUALITY, subsampling="4:4:4", optimize=True)


def measure(page, count):
    """Hints, strokes of a label and regions that look alike, `count` each: nothing of one is kept for another."""
    server = timed(Desk, "color")
    page.evaluate(DRAWING)
    for what, key, kind in (
        ("hints", "h", "pointerup"),
        ("strokes", "b", "pointerup"),
        ("regions", "w", "pointerdown"),
    ):
        page.keyboard.press(key)
        took, coloring, drawing = [], [], []
        for i in range(count):
            at = 0.05 + 0.8 * i / count, 0.1 + 0.8 * (i * 7 % count) / count
            end = (at[0] + 0.1, at[1]) if what == "strokes" else at
            page.evaluate(OTHER_LABEL, end)
            page.evaluate(LATENCY, kind)
            server.clear()
            page.mouse.move(*place(page, *at))
            page.mouse.down()
            if end != at:
                for step in range(1, 11):  # a third of a second, as a hand takes
                    page.mouse.move(*place(page, at[0] + 0.01 * step, at[1]))
                    page.wait_for_timeout(25)
            page.mouse.up()
            while not (milliseconds := page.evaluate("took")):
                page.wait_for_timeout(20)
            took.append(milliseconds)
            coloring.append(server[-1])
            drawing.append(page.evaluate("drawing.at(-1)"))
            page.keyboard.press("Control+z")
            page.evaluate(SHOWN)
        print(f"{count} {what}: {spread(took)}; of it colouring {spread(coloring)}, drawing {spread(drawing)}")


def timed(owner, name):
    """The milliseconds that a function takes from now on, a list that grows."""
    plain, took = getattr(owner, name), []

    def function(*given, **named):
        start = time.perf_counter()
        try:
            return plain(*given, **named)
        finally:
            took.append(1000 * (time.perf_counter() - start))

    setattr(owner, name, function)
    return took


def spread(milliseconds):
    return f"median {statistics.median(milliseconds):.0f} ms ({min(milliseconds):.0f} to {max(milliseconds):.0f})"


if __name__ == "__main__":
    main()
