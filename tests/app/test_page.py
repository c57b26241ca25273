"""The editor's page in a real browser: what a person does there, and what is then on the screen and in the files.

The model is a stand-in that gives each label a colour, so what each edit must change is known. With
TFCOLOR_BROWSER=required, as in .ci/run, a browser that is missing fails instead of skipping.
"""

import base64
import io
import os
import shutil
import threading
import time
import types
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import numpy as np
import pytest
from PIL import Image
from stand_in import FakeColorizer

from tfcolor import app as editor
from tfcolor import colorize, photo

pytest.importorskip("fastapi", reason="the editor's extra is not here: pip install 'tfcolor[app]'")
pytest.importorskip("uvicorn", reason="the editor's extra is not here: pip install 'tfcolor[app]'")

STATIC = Path(editor.__file__).parent / "static"

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
MOST = 200_000
REQUIRED = os.environ.get("TFCOLOR_BROWSER") == "required"


def png(array):
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return file.getvalue()


HALVES = np.full((240, 320), 60, "uint8")  # "sky" on the left, "tree" on the right
HALVES[:, 160:] = 190
PHOTO = {"name": "halves.png", "mimeType": "image/png", "buffer": png(HALVES)}
MIRRORED = {**PHOTO, "name": "mirrored.png", "buffer": png(HALVES[:, ::-1].copy())}


@pytest.fixture(scope="module")
def browser():
    try:
        from playwright.sync_api import sync_playwright

        path = next(filter(None, map(shutil.which, BROWSERS)))
    except (ImportError, StopIteration):
        if REQUIRED:
            raise
        pytest.skip("Playwright or Chromium is not here (apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def colorizer():
    """The stand-in, in the place of every model that is loaded."""
    fake = FakeColorizer()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tfcolor.colorizer.Colorizer", types.SimpleNamespace(load=lambda name: fake))
        yield fake


@pytest.fixture(scope="module")
def url(browser, colorizer):
    running = editor.Editor(port=0, photos=50, max_bytes=MOST).start()
    yield running.url
    running.stop()


class Person:
    """Somebody at the page, with a photo open.

    Attributes:
        page: Playwright's.
        requests: addresses of all that the page has asked for.
        errors: what its scripts failed with.
    """

    def __init__(self, context, url):
        self.page, self.requests, self.errors = context.new_page(), [], []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(error))
        self.page.goto(url)
        self.page.wait_for_selector("body[data-ready]")

    def open(self, file=PHOTO):
        self.choose("#open", file)
        self.until(f"document.title.startsWith('{file['name']}')")
        return self.settle()

    def drop(self, *files):
        self.page.evaluate(
            """files => {
              const data = new DataTransfer();
              for (const [name, octets] of files) {
                data.items.add(new File([Uint8Array.from(atob(octets), c => c.charCodeAt())], name));
              }
              dispatchEvent(new DragEvent("drop", {dataTransfer: data, cancelable: true}));
            }""",
            [[file["name"], base64.b64encode(file["buffer"]).decode()] for file in files],
        )

    def choose(self, button, file):
        with self.page.expect_file_chooser() as chooser:
            self.page.click(button)
        chooser.value.set_files(file)

    def until(self, expression):
        """Waits for something on the page; Playwright's own way is against the page's policy for scripts."""
        end = time.monotonic() + 20
        while not self.page.evaluate(expression):
            assert time.monotonic() < end, f"never: {expression}"
            self.page.wait_for_timeout(10)

    def settle(self):
        """Waits until the newest edits are on the screen; returns the colours, [H, W, 3], without map and hints."""
        self.until("editor.store.revision > 0 && editor.view.shown === editor.store.revision")
        pixels = self.page.evaluate("editor.view.color.toDataURL()").split(",")[1]
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(pixels))).convert("RGB")).astype(int)

    def place(self, column, row):
        """Shares of the photo -> where that is on the page."""
        return self.page.evaluate(
            """([column, row]) => {
              const {left, top} = editor.view.canvas.getBoundingClientRect();
              const [x, y] = editor.view.toStage(column, row);
              return [left + x, top + y];
            }""",
            [column, row],
        )

    def drag(self, *places, steps=5):
        mouse = self.page.mouse
        mouse.move(*self.place(*places[0]))
        mouse.down()
        for place in places[1:]:
            mouse.move(*self.place(*place), steps=steps)
        mouse.up()

    def click(self, column, row):
        self.page.mouse.click(*self.place(column, row))

    def knob(self, name, value):
        self.page.locator(f"#knob-{name}").fill(str(value))

    def alert(self):
        self.page.wait_for_selector("#alert:not([hidden])")
        return self.page.inner_text("#alert p")

    def download(self, *buttons):
        with self.page.expect_download() as download:
            for button in buttons:
                self.page.click(button)
        return download.value.suggested_filename, download.value.path().read_bytes()


@pytest.fixture
def arrive(browser, url):
    """A function: another person arrives at the page, in a context of their own."""
    people = []

    def arrive(**choices):
        people.append(Person(browser.new_context(**{"viewport": {"width": 1000, "height": 700}, **choices}), url))
        return people[-1]

    yield arrive
    for person in people:
        person.page.context.close()
    assert not [error for person in people for error in person.errors]


@pytest.fixture
def person(arrive):
    return arrive()


def chroma(pixels):
    return pixels.max(axis=-1) - pixels.min(axis=-1)


def test_a_photo_comes_in_colour_and_nothing_from_elsewhere(person, url):
    pixels = person.open()
    assert (chroma(pixels) > 5).all()
    sky, tree = pixels[120, 20], pixels[120, 300]
    assert sky[0] > sky[1] and tree[1] > tree[0]  # as the stand-in's colours say
    assert all(one.startswith((url, "blob:", "data:")) for one in person.requests)


def test_the_map_steps_aside_for_colour_hints(person):
    person.open()
    # How far the stage is from the colours alone, at a place of the photo.
    covered = """(() => {
      const {view} = editor, [column, row] = [80, 120], [x, y] = view.toStage(column / 320, row / 240);
      const at = [x, y].map(side => Math.round(side * devicePixelRatio));
      const shown = view.context.getImageData(...at, 1, 1).data;
      const colour = view.color.getContext("2d").getImageData(column, row, 1, 1).data;
      return Math.max(...[0, 1, 2].map(i => Math.abs(shown[i] - colour[i])));
    })()"""
    person.until(f"{covered} > 10")
    person.page.keyboard.press("h")
    person.until(f"{covered} <= 2")
    person.page.keyboard.press("m")  # unless it is asked for
    person.until(f"{covered} > 10")
    person.page.keyboard.press("m")
    person.until(f"{covered} <= 2")
    person.page.locator("#opacity").fill("60")
    person.page.keyboard.press("b")
    person.until(f"{covered} > 10")


def test_an_example_opens(person):
    person.page.click("[aria-label='Example: chelsea']")
    assert chroma(person.settle()).max() > 20
    assert person.page.title().startswith("chelsea.jpg")


def test_a_photo_that_is_dropped_opens(person):
    person.drop(PHOTO)
    person.page.wait_for_selector("body:not(.empty)")
    assert chroma(person.settle()).max() > 5


def test_of_two_photos_the_one_chosen_last_stays(person, arrive):
    held = []
    person.page.route("**/api/photos", lambda route: route.continue_() if held else held.append(route))
    person.drop(PHOTO)
    while not held:
        person.page.wait_for_timeout(10)
    person.open(MIRRORED)
    with person.page.expect_request("**/leave"):
        held[0].continue_()
    assert person.page.title().startswith("mirrored")
    person.knob("saturation", 1.01)
    np.testing.assert_allclose(person.settle(), arrive().open(MIRRORED), atol=2)


def test_a_stroke_recolours_where_it_was_and_undo_takes_it_back(person):
    before = person.open()
    person.page.fill("#search", "wat")
    person.page.click("#classes li")
    person.drag((0.65, 0.5), (0.85, 0.5))
    after = person.settle()
    red, _, blue = after[120, 240]
    assert blue > red  # water
    changed = np.abs(after - before).max(axis=-1) > 2
    assert changed[110:130, 220:260].all()
    assert not changed[:60].any() and not changed[180:].any() and not changed[:, :150].any()
    person.page.keyboard.press("Control+z")
    np.testing.assert_array_equal(person.settle(), before)
    person.page.keyboard.press("Control+Shift+z")
    np.testing.assert_array_equal(person.settle(), after)
    person.page.keyboard.press("e")  # the eraser gives back what the network saw
    person.drag((0.6, 0.5), (0.9, 0.5))
    np.testing.assert_array_equal(person.settle(), before)


def test_fill_polygon_and_look_alike_stay_within_their_regions(person):
    before = person.open()
    person.page.click("#class-2")
    for key, places in (
        ("f", [(0.2, 0.5)]),
        ("w", [(0.2, 0.5)]),
        ("p", [(0.05, 0.1), (0.3, 0.1), (0.3, 0.9), (0.05, 0.9), (0.05, 0.1)]),
    ):
        person.page.keyboard.press(key)
        for place in places:
            person.click(*place)
        person.until("editor.store.done.length")
        changed = np.abs(person.settle() - before).max(axis=-1) > 2
        assert changed[40:200, 30:80].all(), key
        assert not changed[:, 200:].any(), key
        person.page.click("#undo")
        np.testing.assert_array_equal(person.settle(), before)


def test_a_hint_colours_its_side_of_the_edge_and_goes_again(person):
    before = person.open()
    person.page.keyboard.press("h")
    person.page.click("[aria-label='sea']")
    person.click(0.25, 0.5)
    after = person.settle()
    red, green, blue = after[120, 80]
    assert blue > red and green > red and before[120, 80][0] > before[120, 80][1]
    np.testing.assert_allclose(after[:, 200:], before[:, 200:], atol=4)
    person.page.keyboard.press("Delete")
    np.testing.assert_array_equal(person.settle(), before)
    person.page.click("#undo")
    person.page.click("#hint-list .pick")
    person.page.keyboard.press("Delete")
    np.testing.assert_array_equal(person.settle(), before)


def test_the_eyedropper_takes_label_or_colour(person):
    pixels = person.open()
    person.page.keyboard.press("i")
    person.click(0.75, 0.5)
    assert person.page.evaluate("editor.tools.label") == 1  # and the brush is there to paint it
    person.page.keyboard.press("i")
    person.page.check("#options input")
    person.click(0.25, 0.5)
    assert person.page.evaluate("editor.tools.color") == "#" + bytes(pixels[120, 80].tolist()).hex()


def test_a_knob_changes_all_without_running_the_network(person, colorizer):
    before = person.open()
    runs = colorizer.runs
    person.knob("saturation", 0)
    assert chroma(person.settle()).max() == 0
    person.page.click("#undo")
    np.testing.assert_array_equal(person.settle(), before)
    assert colorizer.runs == runs


def test_another_colouring_is_chosen(person):
    before = person.open()
    person.page.click("#more-looks")
    person.page.click("#look-list button >> nth=3")
    assert np.abs(person.settle() - before).max() > 10


@pytest.mark.slow
def test_the_download_is_what_the_command_makes_of_the_project(person, arrive, tmp_path):
    person.open()
    person.page.click("#class-2")
    person.drag((0.7, 0.3), (0.9, 0.7))
    person.page.keyboard.press("h")
    person.click(0.25, 0.5)
    person.knob("saturation", 1.5)
    edited = person.settle()
    name, project = person.download("#projects summary", "#save")
    assert name == "halves.tfcolor.json"
    name, result = person.download("#download")
    assert name == "halves-colour.png"

    (tmp_path / "halves.png").write_bytes(PHOTO["buffer"])
    (tmp_path / name).write_bytes(project)
    command = [str(tmp_path / "halves.png"), "-o", str(tmp_path / "out.png"), "--project", str(tmp_path / name)]
    assert colorize.main(command) == 0
    assert (tmp_path / "out.png").read_bytes() == result

    other = arrive()
    plain = other.open()
    assert np.abs(plain - edited).max() > 10
    other.page.click("#projects summary")
    other.choose("#load", {"name": "halves.tfcolor.json", "mimeType": "application/json", "buffer": project})
    other.until("editor.store.hints.length === 1")
    np.testing.assert_array_equal(other.settle(), edited)

    both = arrive()
    both.drop({"name": "halves.tfcolor.json", "buffer": project}, PHOTO)
    both.until("editor.store.hints.length === 1")
    np.testing.assert_array_equal(both.settle(), edited)


def test_a_label_map_is_repainted_elsewhere(person):
    person.open()
    _, exported = person.download("#projects summary", "#export")
    image = Image.open(io.BytesIO(exported))
    image.paste(2, (0, 0, *image.size))
    file = io.BytesIO()
    image.save(file, "PNG", pnginfo=_texts(image))
    person.page.click("#projects summary")
    person.choose("#import", {"name": "labels.png", "mimeType": "image/png", "buffer": file.getvalue()})
    person.until("editor.store.done.length === 1")
    pixels = person.settle()
    assert (pixels[..., 2] > pixels[..., 0]).all()


def _texts(image):
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    for key, text in image.text.items():
        info.add_text(key, text)
    return info


@pytest.mark.parametrize(
    "name, data, words",
    [
        ("a.txt", b"no photo", "Not a photo: JPEG, PNG"),
        ("a.png", PHOTO["buffer"][:60], "The PNG ends early"),
        ("a.png", b"\0" * (MOST + 1), "200,001 bytes, more than 200,000: start tfcolor app with a larger --max-bytes"),
        ("a.json", b"{}", "photo first"),
    ],
    ids=["text", "cut", "large", "project"],
)
def test_a_wrong_file_gets_its_message(person, name, data, words):
    person.choose("#open", {"name": name, "mimeType": "application/octet-stream", "buffer": data})
    assert words in person.alert()
    person.page.click("#alert button")
    assert person.page.is_hidden("#alert")
    person.open()  # and the page still works


def test_another_photos_project_is_refused(person):
    person.open()
    _, project = person.download("#projects summary", "#save")
    person.open(MIRRORED)
    before = person.settle()
    person.choose("#open", {"name": "a.json", "mimeType": "application/json", "buffer": project})
    assert "another photo's, one of 320 x 240" in person.alert()
    np.testing.assert_array_equal(person.settle(), before)


def test_two_people_do_not_see_each_others_photos(arrive):
    one, two = arrive(), arrive()
    first = one.open()
    second = two.open(MIRRORED)
    keys = [person.page.evaluate("editor.net.key") for person in (one, two)]
    assert keys[0] != keys[1] and not any(keys[0] in address for address in two.requests)
    one.page.click("#class-2")
    one.drag((0.6, 0.2), (0.9, 0.8))
    assert np.abs(one.settle() - first).max() > 10
    two.knob("saturation", 1.01)
    np.testing.assert_allclose(two.settle(), second, atol=2)
    np.testing.assert_allclose(second[:, :120], first[:, :-121:-1], atol=1)


def test_what_is_not_saved_does_not_go_without_a_question(person):
    person.open()
    asks = "!dispatchEvent(new Event('beforeunload', {cancelable: true}))"
    assert not person.page.evaluate(asks)
    person.drag((0.7, 0.3), (0.9, 0.7))
    assert person.page.evaluate(asks)
    person.page.click("#undo")
    assert not person.page.evaluate(asks)
    person.page.click("#redo")
    person.download("#projects summary", "#save")
    person.until("editor.store.saved")
    assert not person.page.evaluate(asks)
    person.knob("saturation", 0.5)
    questions = []
    person.page.on("dialog", lambda question: (questions.append(question.type), question.dismiss()))
    person.page.close(run_before_unload=True)
    person.until("editor.store.done.length === 2")
    assert questions == ["beforeunload"] and not person.page.is_closed()


def test_a_server_that_is_back_colours_on(browser, colorizer):
    running = editor.Editor(port=0).start()
    port = running._socket.getsockname()[1]
    context = browser.new_context()
    person = Person(context, running.url)
    before = person.open()
    running.stop()
    person.page.click("#class-2")
    person.drag((0.7, 0.3), (0.9, 0.7))
    assert "does not answer" in person.alert()
    running = editor.Editor(port=port).start()
    try:
        assert np.abs(person.settle() - before).max() > 10  # by itself, and the photo is there again
        person.until("document.getElementById('alert').hidden")
        person.page.click("#undo")
        np.testing.assert_array_equal(person.settle(), before)
    finally:
        context.close()
        running.stop()
    assert not person.errors


class Tunnel(BaseHTTPRequestHandler):
    """What a notebook's host does for a port: the page lies below a path of another host, in a frame of a third."""

    target = None

    def do_GET(self):
        if not self.path.startswith("/port/"):
            return self.answer(
                200, {"Content-Type": "text/html"}, b"<iframe src='%s' width=990 height=690>" % self.frame
            )
        self.forward()

    def do_POST(self):
        self.forward(self.rfile.read(int(self.headers["Content-Length"] or 0)))

    @property
    def frame(self):
        return f"http://127.0.0.1:{self.server.server_port}/port/".encode()

    def forward(self, body=None):
        left_out = {"host", "connection", "content-length", "accept-encoding"}
        headers = {name: value for name, value in self.headers.items() if name.lower() not in left_out}
        request = Request(self.target + self.path.removeprefix("/port/"), body, headers, method=self.command)
        try:
            with urlopen(request) as response:
                self.answer(response.status, dict(response.headers), response.read())
        except HTTPError as error:
            self.answer(error.code, dict(error.headers), error.read())

    def answer(self, status, headers, body):
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def test_it_works_in_a_frame_behind_a_proxy_as_colabs(browser, colorizer, monkeypatch):
    running = editor.start()
    monkeypatch.setattr(Tunnel, "target", running.url)
    tunnel = ThreadingHTTPServer(("127.0.0.1", 0), Tunnel)
    threading.Thread(target=tunnel.serve_forever, daemon=True).start()
    page = browser.new_page(viewport={"width": 1000, "height": 700})
    try:
        page.goto(f"http://localhost:{tunnel.server_port}/notebook")
        frame = page.frame(url="**/port/")
        frame.wait_for_selector("body[data-ready]")
        with page.expect_file_chooser() as chooser:
            frame.click("#open")
        chooser.value.set_files(PHOTO)
        frame.wait_for_selector("body:not(.empty)")
        with page.expect_download() as download:
            frame.click("#download")
        pixels = np.asarray(Image.open(download.value.path()).convert("RGB")).astype(int)
        assert pixels.shape == (240, 320, 3) and (chroma(pixels) > 5).all()
    finally:
        page.close()
        tunnel.shutdown()
        tunnel.server_close()
        running.stop()


def test_requests_do_not_queue_while_the_hand_draws(person, colorizer):
    person.open()
    under_way, most, answers = 0, 0, 0

    def asked(request):
        nonlocal under_way, most
        if request.url.endswith("/color"):
            under_way += 1
            most = max(most, under_way)

    def answered(request):
        nonlocal under_way, answers
        if request.url.endswith("/color"):
            under_way, answers = under_way - 1, answers + 1

    person.page.on("request", asked)
    person.page.on("requestfinished", answered)
    colorizer.pause = 0.15
    try:
        person.page.click("#class-2")
        started = time.monotonic()
        person.drag((0.1, 0.1), (0.9, 0.9), steps=60)
        while_drawing, seconds = answers, time.monotonic() - started
        person.settle()
    finally:
        colorizer.pause = 0.0
    assert most == 1 and 1 <= while_drawing < 30
    assert answers - while_drawing <= 2  # the one that was under way, and the newest
    assert while_drawing <= 2 + seconds / (3 * 0.15)  # it rests twice as long as it works


def test_the_keyboard_alone_paints(person):
    before = person.open()  # the photo has the focus
    press = person.page.keyboard.press
    press("/")
    person.page.keyboard.type("water")
    press("Enter")
    assert person.page.evaluate("document.activeElement.id") == "stage"
    press("ArrowRight")
    for _ in range(10):
        press("ArrowRight")
    press("Enter")
    changed = np.abs(person.settle() - before).max(axis=-1) > 2
    assert changed[120, int(0.72 * 320)] and not changed[:, :160].any()
    press("?")
    assert "Undo" in person.page.inner_text("#keys")


@pytest.mark.parametrize("width, height", [(1440, 900), (390, 844)], ids=["desktop", "phone"])
def test_axe_finds_nothing_that_keeps_anybody_out(arrive, width, height):
    """axe-core's rules for WCAG 2.2, levels A and AA, and its good practices."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install 'tfcolor[test]'").Axe()
    person = arrive(viewport={"width": width, "height": height}, has_touch=width < 720)

    def check(state):
        found = axe.run(person.page, options={"rules": {"target-size": {"enabled": True}}})
        assert not found.response["violations"], f"{state}: {found.generate_report()}"

    check("no photo yet")
    person.open()
    check("a photo")
    person.page.fill("#search", "wat")
    check("a label that is searched")
    person.page.fill("#search", "nothing of that name")
    check("a label that is not there")
    person.page.fill("#search", "")
    person.page.keyboard.press("Escape")
    person.page.keyboard.press("Tab")
    person.page.keyboard.press("h")
    person.click(0.25, 0.5)
    person.page.click("#more-looks")
    person.page.wait_for_selector("#look-list img")
    person.page.keyboard.press("x")
    check("a hint, colourings, before and after")
    person.page.keyboard.press("i")
    check("the eyedropper")
    person.page.click("#projects summary")
    check("the menu")
    person.page.keyboard.press("Escape")
    assert not person.page.is_visible("#save")
    person.page.keyboard.press("?")
    check("the keys")
    person.page.keyboard.press("Escape")
    person.page.on("dialog", lambda question: question.accept())  # the hint is not saved
    person.choose("#open", {"name": "a.txt", "mimeType": "text/plain", "buffer": b"no photo"})
    person.alert()
    check("a message")


@pytest.mark.parametrize("width", [320, 390, 800])
def test_nothing_is_cut_off_in_a_narrow_window(arrive, width):
    person = arrive(viewport={"width": width, "height": 600})
    person.open()
    for key in "behi":
        person.page.keyboard.press(key)
        over = person.page.evaluate(
            """["header", "#options", "#bar", "#tools", "#panel"].filter((part) => {
              const {scrollWidth, clientWidth} = document.querySelector(part);
              return scrollWidth > clientWidth;
            })"""
        )
        assert not over, key
    assert person.page.evaluate("document.documentElement.scrollWidth") == width


def test_fingers_draw_and_two_of_them_zoom(arrive):
    person = arrive(viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True)
    before = person.open()
    assert person.page.evaluate("document.documentElement.scrollWidth") <= 390
    touch = person.page.context.new_cdp_session(person.page)

    def fingers(kind, *places):
        points = [
            dict(zip(("x", "y", "id"), (*person.place(*place), i), strict=True)) for i, place in enumerate(places)
        ]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    person.page.evaluate("editor.tools.label = 2")
    fingers("touchStart", (0.6, 0.5))
    fingers("touchMove", (0.9, 0.5))
    fingers("touchEnd")
    after = person.settle()
    assert np.abs(after - before).max(axis=-1)[120, 240] > 2
    scale = person.page.evaluate("editor.view.scale")
    fingers("touchStart", (0.3, 0.5))
    fingers("touchStart", (0.3, 0.5), (0.7, 0.5))
    fingers("touchMove", (0.3, 0.5), (0.95, 0.5))
    fingers("touchEnd")
    np.testing.assert_array_equal(person.settle(), after)  # the first finger's stroke was taken back
    assert person.page.evaluate("editor.view.scale") > 1.2 * scale


def test_before_and_after(person):
    person.open()
    person.page.keyboard.press("m")
    person.page.keyboard.press("x")
    person.page.wait_for_timeout(100)
    shot = Image.open(io.BytesIO(person.page.screenshot())).convert("RGB")
    left, right = (shot.getpixel(tuple(map(int, person.place(column, 0.2)))) for column in (0.25, 0.75))
    assert max(left) - min(left) <= 1 < 5 < max(right) - min(right)


def test_the_pages_colours_are_those_of_the_file(person):
    rng = np.random.default_rng(0)
    gray = rng.integers(0, 256, (16, 20), "uint8")
    chroma = rng.uniform(-0.4, 0.4, (16, 20, 2)).astype("float32")
    said = {"values": np.rint(chroma * 32767).astype(int).ravel().tolist(), "shape": [16, 20], "covered": [16, 20]}
    pixels = person.page.evaluate(
        """async ([gray, said]) => {
          const { colorize } = await import("./static/color.js");
          const out = new Uint8ClampedArray(gray.length * 4);
          colorize(Uint8Array.from(gray), 20, 16, {...said, values: Int16Array.from(said.values)}, out);
          return Array.from(out);
        }""",
        [gray.ravel().tolist(), said],
    )
    ours = np.reshape(pixels, (16, 20, 4))[..., :3]
    np.testing.assert_allclose(ours, photo.merge(gray, chroma).astype(int), atol=2)


def test_the_examples_are_gray_photos_of_the_documentation():
    for path in (STATIC / "examples").iterdir():
        assert Image.open(path).mode == "L" and path.stat().st_size < 60_000
