"""The editor over HTTP: the page, and what it asks for. All addresses are relative, so it works below any path."""

import asyncio
import base64
import json
from pathlib import Path
from urllib.parse import quote, urlsplit

import numpy as np
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, JSONResponse, Response
from fastapi.staticfiles import StaticFiles

from tfcolor.app.desk import FLAT, VIEW_SIDE, Full, Gone, Superseded, view_of
from tfcolor.data.labels import NAMES, words
from tfcolor.photo import PhotoError
from tfcolor.photo.label_maps import read_label_map, write_label_map
from tfcolor.photo.merging import covered_cells
from tfcolor.project import MOST_BYTES, Edits, Project

STATIC = Path(__file__).parent / "static"
UPLOADS, UPLOAD_SECONDS = 4, 300  # at a time; the longest that one may take
LOOPBACK = ("localhost", "127.0.0.1", "::1")
# Slider ends of the knobs; what is not here is not shown.
KNOBS = {"temperature": (0, 1), "vividness": (0, 1), "saturation": (0, 2), "fade": (0, 1), "quantile": (0, 1)}
POLICY = "default-src 'self'; img-src 'self' blob: data:; base-uri 'none'; form-action 'none'"
TO_SCREEN = 32767  # of U and V, as int16


class TooLarge(ValueError):
    """More bytes than are taken."""


def create_app(desk, max_bytes, loopback=True, framed=False):
    """The application.

    Args:
        desk: a `Desk`.
        max_bytes: of a photo's file.
        loopback: only this machine is to reach it: a request for another host's name, as a hostile page can send, is
            refused.
        framed: whether other pages, such as a notebook, may show it in a frame.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    uploads = asyncio.Semaphore(UPLOADS)
    colorizer = desk.colorizer
    policy = POLICY if framed else POLICY + "; frame-ancestors 'none'"

    @app.middleware("http")
    async def guard(request: Request, call_next):
        host = request.headers.get("host", "")
        if loopback and urlsplit(f"//{host}").hostname not in LOOPBACK:
            return _wrong(403, f"the host {host!r} is not this machine", "open the address that was printed")
        if request.method not in ("GET", "HEAD") and not _from_own_page(request, host):
            return _wrong(403, "a request from another site", "use the editor's own page")
        answer = await call_next(request)
        answer.headers["Content-Security-Policy"] = policy
        answer.headers["X-Content-Type-Options"] = "nosniff"
        answer.headers["Referrer-Policy"] = "no-referrer"
        answer.headers["Cache-Control"] = "no-store" if "/api/" in request.url.path else "no-cache"
        return answer

    for kind, status in ((PhotoError, 415), (TooLarge, 413), (ValueError, 400)):

        @app.exception_handler(kind)
        async def tell(_, error, status=status):
            wrong, _, remedy = str(error).partition(": ")
            return _wrong(status, wrong, remedy)

    @app.exception_handler(Gone)
    async def gone(*_):
        return _wrong(404, "this photo has left the desk", "open it again")

    @app.exception_handler(Full)
    async def full(*_):
        return _wrong(503, "as many photos are being worked on as there is room for", "try again in two minutes")

    @app.exception_handler(Superseded)
    async def superseded(*_):
        return _wrong(409, "newer edits have come", "")

    @app.get("/")
    async def page():
        return FileResponse(STATIC / "index.html")

    @app.get("/api/model")
    async def model():
        sliders = [
            {"name": name, "value": value, "from": KNOBS[name][0], "to": KNOBS[name][1]}
            for name, value in colorizer.knobs.items()
            if name in KNOBS
        ]
        classes = colorizer.classes if desk.reads_labels else []
        return {
            "name": colorizer.name,
            "version": colorizer.version,
            "knobs": sliders,
            "distribution": bool(getattr(colorizer, "distribution", None)),
            "classes": [
                {"name": name, "color": bytes(color).hex(), "words": words(name) if name in NAMES else [name]}
                for name, color in zip(classes, colorizer.palette if desk.reads_labels else [], strict=True)
            ],
            "limits": {"bytes": max_bytes, "pixels": desk.limits.max_pixels},
            "examples": sorted(path.stem for path in (STATIC / "examples").glob("*.jpg")),
        }

    @app.post("/api/photos")
    async def upload(request: Request):
        async with uploads:
            data = await asyncio.wait_for(_body(request, max_bytes, "--max-bytes"), UPLOAD_SECONDS)
            key, one = await run_in_threadpool(desk.put, data)
        return {
            "key": key,
            "width": one.width,
            "height": one.height,
            "small": one.small.shape,
            "sha256": one.sha256,
            "ending": one.format.endings[0],
        }

    @app.get("/api/photos/{key}/view")
    def view(key: str, side: int = VIEW_SIDE):
        return Response(view_of(desk.get(key), min(max(side, 64), VIEW_SIDE)), media_type="image/jpeg")

    @app.get("/api/photos/{key}/labels")
    def labels(key: str):
        one = desk.get(key)
        return _octets(b"" if one.labels is None else one.labels.tobytes())

    @app.post("/api/photos/{key}/color")
    async def color(key: str, request: Request):
        one = desk.get(key)
        fields, edits = await _edits(request, one)
        chroma = await run_in_threadpool(desk.color, one, edits, _whole(fields, "sequence"))
        covered = (1, 1) if chroma is FLAT else covered_cells(chroma.shape[:2], one.small.shape)
        said = {"shape": chroma.shape[:2], "covered": covered}
        octets = np.rint(np.clip(chroma, -1, 1) * TO_SCREEN).astype("<i2").tobytes()
        return _octets(octets, {"X-Color": json.dumps(said)})

    @app.post("/api/photos/{key}/alike")
    async def alike(key: str, request: Request):
        one = desk.get(key)
        fields = _fields(await _body(request, MOST_BYTES))
        row, column = _share(fields, "row"), _share(fields, "column")
        contrast = max(0.01, _share(fields, "contrast"))
        return _octets((await run_in_threadpool(desk.alike, one, row, column, contrast)).astype("uint8").tobytes())

    @app.post("/api/photos/{key}/looks")
    async def looks(key: str, request: Request):
        one = desk.get(key)
        fields, edits = await _edits(request, one)
        seed = _whole(fields, "seed")

        def edits_of(share):
            return Edits(edits.labels, edits.hints, edits.knobs, share)

        found = await run_in_threadpool(desk.looks, one, edits_of, seed)
        return {"looks": [{"share": share, "jpeg": base64.b64encode(data).decode()} for share, data in found]}

    @app.post("/api/photos/{key}/project")
    async def project(key: str, request: Request):
        one = desk.get(key)
        _, edits = await _edits(request, one)
        return Response((await run_in_threadpool(desk.project, one, edits)).to_json(), media_type="application/json")

    @app.post("/api/photos/{key}/open")
    async def open_project(key: str, request: Request):
        one = desk.get(key)
        project = Project.from_json(await _body(request, MOST_BYTES))
        project.check(one.data)
        edits = project.edits_for(colorizer, one.small.shape)
        octets = b"" if edits.labels is None else edits.labels.tobytes()
        return _octets(octets, {"X-Edits": json.dumps(edits.fields() | {"note": project.note(colorizer)})})

    @app.post("/api/photos/{key}/labels.png")
    async def export_labels(key: str, request: Request):
        _, edits = await _edits(request, desk.get(key))
        if edits.labels is None:
            raise ValueError(f"model {colorizer.name} takes no label map: start with --model of one that does")
        return Response(write_label_map(edits.labels, colorizer.classes, colorizer.palette), media_type="image/png")

    @app.post("/api/photos/{key}/labels/import")
    async def import_labels(key: str, request: Request):
        one = desk.get(key)
        if not desk.reads_labels:
            raise ValueError(f"model {colorizer.name} takes no label map: start with --model of one that does")
        data = await _body(request, MOST_BYTES)
        return _octets(read_label_map(data, colorizer.classes, colorizer.palette, one.small.shape).tobytes())

    @app.post("/api/photos/{key}/result")
    async def result(key: str, request: Request):
        one = desk.get(key)
        _, edits = await _edits(request, one)
        done = await run_in_threadpool(lambda: desk.result(one, desk.project(one, edits)))
        return _octets(done.data, {"X-Notes": quote(json.dumps(done.warnings))})

    @app.post("/api/photos/{key}/leave")
    async def leave(key: str):
        desk.drop(key)
        return {}

    async def _edits(request, one):
        """The body of a request that carries edits: a line of JSON, then the labels' octets if the model takes any."""
        line, _, octets = (await _body(request, MOST_BYTES)).partition(b"\n")
        fields, labels = _fields(line), None
        if octets and desk.reads_labels:
            if len(octets) != one.small.size:
                raise ValueError(f"a label map of {len(octets)} pixels: {one.small.size} are needed")
            labels = np.frombuffer(octets, "uint8").reshape(one.small.shape)
            known = len(colorizer.classes)
            if ((labels >= known) & (labels != 255)).any():
                raise ValueError(f"a label above {known - 1}: the classes' numbers are needed, 255 for none")
        return fields, Edits.from_fields(fields, labels)

    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    return app


async def _body(request, most, option=""):
    """The body of a request, no more of it than `most` bytes."""
    way = "start tfcolor app with a larger --max-bytes" if option else "that is no file of the editor"
    wrong = TooLarge(f"more than {most:,} bytes: {way}")
    if int(request.headers.get("content-length") or 0) > most:
        raise wrong
    parts, size = [], 0
    async for part in request.stream():
        parts.append(part)
        size += len(part)
        if size > most:
            raise wrong
    return b"".join(parts)


def _from_own_page(request, host):
    """Whether a request that changes something comes from the editor's page, or from no page at all."""
    site = request.headers.get("sec-fetch-site")
    if site:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == host


def _fields(line):
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise ValueError("a body that is no line of JSON: reload the page")
    return fields


def _share(fields, name):
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1:
        raise ValueError(f"{name} {value!r}: a number from 0 to below 1 is needed")
    return value


def _whole(fields, name):
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
        raise ValueError(f"{name} {value!r}: a whole number from 0 is needed")
    return value


def _octets(octets, headers=None):
    return Response(octets, media_type="application/octet-stream", headers=headers)


def _wrong(status, wrong, remedy):
    return JSONResponse({"wrong": wrong, "remedy": remedy}, status)
