"""`tfcolor app`: the editor in the browser. A photo's labels, hints and knobs by hand, and its file in colour."""

import contextlib
import importlib.util
import socket
import sys
import threading
import time
import webbrowser

from tfcolor.command import Parser, verb, whole

HOST, PORT = "127.0.0.1", 8418
MODELS = ("semantic_driven",)  # the first that is here; else the default model
MAX_BYTES, MAX_PIXELS = 64 << 20, 100_000_000
CONNECTIONS = 64


def build_parser():
    parser = Parser(
        "tfcolor app",
        description="The editor in the browser: open a photo, correct what the network sees in it, choose colours, "
        "and keep the result at full size. Photos stay in memory and never leave this machine.",
    )
    add = parser.add_argument
    add("--model", metavar="NAME_OR_DIR", help="a shipped model, a run folder or a SavedModel (default: a shipped one)")
    add("--host", default=HOST, help="where to listen; 0.0.0.0 lets everybody in who reaches it (default: %(default)s)")
    add("--port", type=whole(0, 65535), default=PORT, help="0 takes a free one (default: %(default)s)")
    add("--open", action="store_true", help="open the page in the browser")
    add("--photos", type=whole(1, 1000), default=8, metavar="N", help="at a time, in memory (default: %(default)s)")
    add("--max-bytes", type=whole(1), default=MAX_BYTES, metavar="N", help="of a photo's file (default: %(default)s)")
    add("--max-pixels", type=whole(1), default=MAX_PIXELS, metavar="N", help="refuse larger ones (%(default)s)")
    add("--allow-truncated", action="store_true", help="take damaged photos as far as they go")
    return parser


@verb("app")
def main(argv):
    """Runs `tfcolor app` until Ctrl-C."""
    args = build_parser().parse_args(argv)
    editor = Editor(
        args.model,
        args.host,
        args.port,
        photos=args.photos,
        max_bytes=args.max_bytes,
        max_pixels=args.max_pixels,
        allow_truncated=args.allow_truncated,
    )
    print(f"tfcolor app: {editor.url} (Ctrl-C stops it)", flush=True)
    if not editor.loopback:
        print("tfcolor app: note: whoever reaches this address can use it", file=sys.stderr)
    if args.open:
        threading.Timer(0.5, webbrowser.open, [editor.url]).start()
    editor.run()
    return 0


class Editor:
    """A server of the editor, bound to its port and not yet running.

    Args:
        model: see `Colorizer.load`; None: the first of `MODELS` that is here, else the default model.
        host, port: where it listens; port 0 takes a free one.
        framed: whether other pages, such as a notebook, may show it in a frame. It then takes any host's name.
        photos, max_bytes, max_pixels, allow_truncated: see `tfcolor app --help`.

    Attributes:
        url: of the page.
        loopback: only this machine reaches it.

    Raises:
        ValueError: the extra `app` is not installed, the port is taken, or there is no such model.
    """

    def __init__(
        self,
        model=None,
        host=HOST,
        port=PORT,
        *,
        framed=False,
        photos=8,
        max_bytes=MAX_BYTES,
        max_pixels=MAX_PIXELS,
        allow_truncated=False,
    ):
        missing = [name for name in ("fastapi", "uvicorn") if importlib.util.find_spec(name) is None]
        if missing:
            raise ValueError(f"the editor needs {' and '.join(missing)}: pip install 'tfcolor[app]'")
        self._socket = _bind(host, port)
        try:
            import uvicorn

            from tfcolor.app.desk import Desk
            from tfcolor.app.server import create_app
            from tfcolor.colorizer import Colorizer, shipped_models
            from tfcolor.photo import Limits

            colorizer = Colorizer.load(model or next((name for name in MODELS if name in shipped_models()), None))
            if not colorizer.colour_head:
                raise ValueError(f"model {colorizer.name} segments and does not colour: --model of another")
            self._colorizer = colorizer
            desk = Desk(colorizer, Limits(max_pixels, allow_truncated), photos)
        except BaseException:
            self._socket.close()
            raise
        bound, port = self._socket.getsockname()[:2]
        self.loopback = bound in ("127.0.0.1", "::1")
        shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "::1": "[::1]"}.get(bound, bound)
        self.url = f"http://{shown}:{port}/"
        app = create_app(desk, max_bytes, self.loopback and not framed, framed)
        config = uvicorn.Config(
            app, log_level="warning", limit_concurrency=CONNECTIONS, timeout_graceful_shutdown=3, server_header=False
        )
        self._server, self._thread = uvicorn.Server(config), None

    def run(self):
        """Answers until Ctrl-C."""
        threading.Thread(target=self._colorizer.prepare).start()
        self._server.run(sockets=[self._socket])

    def start(self):
        """Answers from a thread of its own, until `stop`; returns itself."""
        self._thread = threading.Thread(target=self.run, daemon=True)
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            time.sleep(0.01)
        return self

    def stop(self):
        """Stops answering, and forgets all photos."""
        self._server.should_exit = True
        if self._thread:
            self._thread.join()
        self._socket.close()

    def show(self, height=800):
        """The page within a notebook, in Colab's as well."""
        port = self._socket.getsockname()[1]
        with contextlib.suppress(ImportError):
            from google.colab import output

            return output.serve_kernel_port_as_iframe(port, height=str(height))
        from IPython.display import IFrame

        return IFrame(self.url, width="100%", height=height)


def start(model=None, port=0, **choices):
    """The editor for a notebook: `start().show()`, and `.stop()` when done.

    Args:
        model, port: see `Editor`.
        choices: of `Editor`.

    Returns:
        Editor, running.
    """
    return Editor(model, port=port, framed=True, **choices).start()


def _bind(host, port):
    """A socket that listens there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise ValueError(
            f"{host}:{port} cannot be listened on ({error.strerror}): another --port, such as 0 for a free one"
        ) from None
    return bound
