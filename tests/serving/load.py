"""A load test on this machine: good requests and hostile ones, at once, to the server of server.py.

`python tests/serving/load.py FOLDER [REQUESTS [CLIENTS]]` starts the server on a SavedModel and prints what came of
1000 requests from 16 clients. It fails if a good request is refused, if a hostile one is not refused with a message, or
if an answer is lost or a 5xx.
"""

import base64
import collections
import contextlib
import http.client
import io
import json
import pathlib
import socket
import struct
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from PIL import Image

NAME = "pets_multitask"  # as in docs/how-to/serving.md


@contextlib.contextmanager
def served(folder, log):
    """The server on a SavedModel, ready: (REST port, gRPC port, process id); it ends with the block."""
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        ports = [one.getsockname()[1], other.getsockname()[1]]
    script = pathlib.Path(__file__).with_name("server.py")
    command = [sys.executable, script, folder, NAME, *ports]
    with open(log, "w") as file:
        process = subprocess.Popen([*map(str, command)], stdout=file, stderr=file)
    try:
        for _ in range(1200):
            if process.poll() is not None:
                raise RuntimeError(f"the server has ended: {pathlib.Path(log).read_text()[-2000:]}")
            with contextlib.suppress(OSError):
                if ask(ports[0], "GET", f"/v1/models/{NAME}")[0] == 200:
                    break
            time.sleep(0.1)
        else:
            raise RuntimeError("the server was not ready after two minutes")
        yield (*ports, process.pid)
    finally:
        process.terminate()
        process.wait(60)


def ask(port, method, path, body=None):
    """One request -> its status and its answer's bytes."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    try:
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def photo(width, height, kind="JPEG"):
    """A drawn gray photo as a file."""
    rows = np.add.outer(np.arange(height) * 255 // height, np.arange(width) * 255 // width) // 2
    file = io.BytesIO()
    Image.fromarray(rows.astype("uint8")).save(file, kind)
    return file.getvalue()


def cases():
    """[(what, path, body, status, what the answer's error says)], good ones as many as bad ones."""
    jpeg, png = photo(64, 48), photo(50, 70, "PNG")
    bomb = png[:16] + struct.pack(">II", 60000, 60000) + png[24:]
    predict = f"/v1/models/{NAME}:predict"

    def files(*contents):
        return json.dumps({"instances": [{"b64": base64.b64encode(content).decode()} for content in contents]})

    bad = [
        ("cut short, second of three", predict, files(jpeg, jpeg[: len(jpeg) // 2], png), 400, "image_bytes[1]"),
        ("damaged PNG", predict, files(png[:40] + b"\0\0\0\0" + png[44:]), 400, "image_bytes[0]"),
        ("no picture", predict, files(b"hello"), 400, "image_bytes[0]"),
        ("empty file", predict, files(b""), 400, "image_bytes[0]"),
        ("3,600 megapixels in its header", predict, files(jpeg, bomb), 400, "image_bytes[1] has 3600000000 pixels"),
        ("no base64", predict, '{"instances": [{"b64": "!"}]}', 400, ""),
        ("a number", predict, '{"instances": [1]}', 400, ""),
        ("no instances", predict, "{}", 400, ""),
        ("a list", predict, "[]", 400, ""),
        ("no JSON", predict, "{", 400, ""),
        ("no such signature", predict, '{"signature_name": "x", "instances": [1]}', 400, ""),
        ("no such model", "/v1/models/none:predict", files(jpeg), 404, "none"),
    ]
    good = [
        ("JPEG", predict, files(jpeg), 200, [(64, 48)]),
        ("JPEG and PNG", predict, files(jpeg, png), 200, [(64, 48), (50, 70)]),
    ]
    return [case for pair in zip(bad, good * len(bad), strict=False) for case in pair]


def check(case, status, answer):
    """None, or what is wrong with an answer."""
    what, _, _, wanted, content = case
    if status != wanted:
        return f"{what}: status {status}, not {wanted}: {answer[:200]}"
    answer = json.loads(answer)
    if status == 200:
        files = [base64.b64decode(prediction["b64"]) for prediction in answer["predictions"]]
        return None if [Image.open(io.BytesIO(file)).size for file in files] == content else f"{what}: other sizes"
    return None if answer["error"] and content in answer["error"] else f"{what}: says {answer}"


def load(port, process, requests, clients):
    """-> {"wrong": [...], "counts": {status: n}, "good", "bad": seconds, "memory": MB, four times}."""
    todo = cases()
    wrong, counts, seconds, memory = [], collections.Counter(), {True: [], False: []}, []

    def one(number):
        case = todo[number % len(todo)]
        started = time.perf_counter()
        try:
            status, answer = ask(port, "POST", *case[1:3])
        except OSError as error:
            return f"{case[0]}: lost: {error}"
        seconds[status == 200].append(time.perf_counter() - started)
        counts[status] += 1
        return check(case, status, answer)

    with ThreadPoolExecutor(clients) as pool:
        for quarter in np.array_split(np.arange(requests), 4):
            wrong += [error for error in pool.map(one, quarter.tolist()) if error]
            lines = pathlib.Path(f"/proc/{process}/status").read_text().splitlines()
            memory.append(next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmRSS")))
    return {
        "wrong": wrong,
        "counts": counts,
        "good": seconds[True],
        "bad": seconds[False],
        "memory": memory,
    }


def main(folder, requests=1000, clients=16):
    with served(folder, "/dev/null") as (port, _, process):
        started = time.perf_counter()
        result = load(port, process, int(requests), int(clients))
        taken = time.perf_counter() - started
    print(f"{requests} requests from {clients} clients in {taken:.0f} s: {dict(result['counts'])}")
    for kind in ("good", "bad"):
        half, most = np.percentile(result[kind], [50, 95])
        print(f"{kind}: {len(result[kind])}, p50 {half * 1000:.0f} ms, p95 {most * 1000:.0f} ms")
    print(f"memory after each quarter: {result['memory']} MB")
    print(*result["wrong"], sep="\n")
    return bool(result["wrong"]) or sum(result["counts"].values()) != int(requests)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
