"""Several processes that train one network together: who they are, whether they fit together, and when one is lost.

`TF_CONFIG` says who they are, as TensorFlow reads it; Kubernetes' TFJob and launchers on SLURM and Ray set it. Before
TensorFlow's own server starts, each worker calls the first one, the chief, at the address that TF_CONFIG gives, and the
connection stays open to the end. It carries what is no tensor, lines of JSON: whether all run the same recipe, and the
sums of a validation. When it breaks, a worker is gone: TensorFlow's collectives would wait, here all others end.
"""

import contextlib
import functools
import json
import os
import queue
import re
import signal
import socket
import sys
import threading
import time

from tfcolor.command import FAILED
from tfcolor.quiet import native_errors_to_null

WAIT = 600.0  # seconds that all have to come: a cluster may be pulling images
NOTICE = 15.0  # seconds after which it is said who has not come yet
LOST = 45.0  # seconds within which it shows who is lost, where TensorFlow says only that an exchange has failed
GRACE = 10.0  # seconds that a worker has to end by itself where another has failed
END = "the end"
_EXAMPLE = '{"cluster": {"worker": ["host0:12345", "host1:12345"]}, "task": {"type": "worker", "index": 0}}'


class Workers:
    """This process among those that train together; alone, nothing is waited for and nothing sent.

    Args:
        addresses: "host:port" of each, the chief's first.
        index: of this one.

    Attributes:
        index, count: which this is, of how many. The chief is 0: it alone writes.
    """

    def __init__(self, addresses=("this process",), index=0):
        self.addresses, self.index, self.count = list(addresses), index, len(addresses)
        self._peers, self._inbox = {}, queue.Queue()
        self._sending, self._ending, self._told = threading.Lock(), False, threading.Lock()

    @classmethod
    def of(cls, config):
        """The workers of a TF_CONFIG, None or "" being alone.

        Raises:
            ValueError: it is no such JSON, or names tasks that do not train by mirroring each other.
        """
        if not config:
            return cls()
        try:
            config = json.loads(config)
            cluster, task = config.get("cluster") or {}, config.get("task") or {}
            addresses = {kind: list(cluster[kind]) for kind in cluster}
            places = [_host_and_port(address) for kind in addresses for address in addresses[kind]]
        except (ValueError, AttributeError, TypeError) as error:
            raise ValueError(f"TF_CONFIG is not as it should be ({error}); like this: {_EXAMPLE}") from error
        if not places:
            return cls()
        others = sorted(set(addresses) - {"chief", "worker"})
        if others:
            raise ValueError(f"TF_CONFIG has tasks {', '.join(others)}; tfcolor trains on workers, and a chief, alone")
        if len(addresses.get("chief", [])) > 1:
            raise ValueError(f"TF_CONFIG has {len(addresses['chief'])} chiefs; one, or none: then worker 0 is it")
        kind, index = task.get("type"), task.get("index")
        ours = addresses.get(kind, [])
        if not (isinstance(index, int) and 0 <= index < len(ours)):
            known = ", ".join(f"{kind} 0 to {len(ours) - 1}" for kind, ours in addresses.items())
            raise ValueError(f"TF_CONFIG: this is task {kind} {index}, and its cluster has {known}")
        before = len(addresses.get("chief", [])) if kind == "worker" else 0
        return cls([*addresses.get("chief", []), *addresses.get("worker", [])], before + index)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        """Ends together with the others; where this one fails, they are told why."""
        if kind is None:
            self.gather(END, None)
        elif self._peers and _of_exchange(kind):
            time.sleep(LOST)  # who is lost is said by the thread that listens, which ends this process
            said = re.search("Collective.*|$", str(error)).group() or str(error)
            error = OSError(f"an exchange with the other workers has failed, and none of them is lost: {said[:300]}")
        self._ending = True
        for peer in self._peers.values():
            if kind is not None:
                with contextlib.suppress(OSError):
                    self._send(peer, {"failed": self.index, "why": " ".join(f"{error or kind.__name__}".split())})
            with contextlib.suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
        if error is not None and not isinstance(error, kind):
            raise error

    def name(self, index):
        """How a worker is called in messages."""
        return f"worker {index} ({'chief, ' if index == 0 else ''}{self.addresses[index]})"

    def meet(self, facts):
        """Waits for all, and sees that they fit together.

        Args:
            facts: {what: value}, to be the same in all; values as JSON has them.

        Raises:
            ValueError: one does not come, or differs: names it, and in what.
        """
        if self.count == 1:
            return
        facts = {"number of workers": self.count, "addresses": self.addresses, **facts}
        hello = {"hello": self.index, "facts": facts}
        trouble = self._receive_all(hello) if self.index == 0 else self._call_chief(hello)
        if trouble:
            raise ValueError(trouble)
        for index, peer in self._peers.items():
            threading.Thread(target=self._listen, args=(index, peer), daemon=True).start()

    def gather(self, name, value):
        """What each worker gives under this name, by index: all wait for all.

        Args:
            name: the same in all, for the error where they are not at the same place.
            value: anything that JSON holds.
        """
        if self.count == 1:
            return [value]
        if self.index:
            self._send(self._peers[0], {"from": self.index, "name": name, "value": value})
            answers = [self._inbox.get()]
            values = answers[0]["value"]
        else:
            answers = [self._inbox.get() for _ in self._peers]
            given = {answer["from"]: answer["value"] for answer in answers}
            values = [value, *(given[index] for index in range(1, self.count))]
            for peer in self._peers.values():
                self._send(peer, {"from": 0, "name": name, "value": values})
        for answer in answers:
            if answer["name"] != name:
                raise ValueError(
                    f"{self.name(answer['from'])} is at {answer['name']}, this one at {name}: start all anew"
                )
        return values

    def agree(self, facts):
        """Sees that what each has found, {what: value}, is what the chief has found; ValueError that names it."""
        chief, *others = self.gather("what was found", facts)
        for index, theirs in enumerate(others, start=1):
            if trouble := _difference(f"worker {index}", theirs, chief):
                raise ValueError(trouble)

    @contextlib.contextmanager
    def chief_first(self, name):
        """The chief does what is within before all others do it, as they read what it writes."""
        if self.index:
            self.gather(name, None)
        yield
        if not self.index:
            self.gather(name, None)

    # The chief's side, and the others' ------------------------------------------------------------------------------

    def _receive_all(self, hello):
        """Accepts all others; returns what does not fit, in a line, once all have been told."""
        _, port = _host_and_port(self.addresses[0])
        deadline, notice, trouble = time.monotonic() + WAIT, time.monotonic() + NOTICE, None
        with _listening(port) as server:
            server.settimeout(0.5)
            while len(self._peers) < self.count - 1 and time.monotonic() < deadline:
                missing = ", ".join(self.name(index) for index in range(1, self.count) if index not in self._peers)
                if time.monotonic() > notice:
                    print(f"waiting for {missing}", file=sys.stderr)
                    notice = deadline
                try:
                    peer, _ = server.accept()
                except TimeoutError:
                    continue
                theirs = _first_line(peer)
                if not isinstance(theirs, dict) or "hello" not in theirs:
                    peer.close()  # whoever that was: a port scan, a probe
                    continue
                with contextlib.suppress(OSError):
                    self._send(peer, {"noted": True})
                index = theirs["hello"]
                if index == 0 or (index in self._peers and not _closed(self._peers[index])):
                    found = f"two processes are {self.name(index)}: each needs a task index of its own in TF_CONFIG"
                    index = -1 - len(self._peers)
                else:
                    found = _difference(f"worker {index}", theirs["facts"], hello["facts"])
                self._peers[index] = peer
                if found and not trouble:  # those who are still on their way are told, too
                    trouble, deadline = found, min(deadline, time.monotonic() + NOTICE)
        if len(self._peers) < self.count - 1 and not trouble:
            trouble = f"not come within {WAIT:.0f} s: {missing}; do their processes run, with this TF_CONFIG?"
        for peer in self._peers.values():
            with contextlib.suppress(OSError):
                self._send(peer, {"trouble": trouble})
        return trouble

    def _call_chief(self, hello):
        """Calls the chief until it answers; returns what does not fit, in a line."""
        address = _host_and_port(self.addresses[0])
        deadline, notice = time.monotonic() + WAIT, time.monotonic() + NOTICE
        while True:
            try:
                peer = socket.create_connection(address, timeout=5.0)
                self._send(peer, hello)
                if _first_line(peer) == {"noted": True}:
                    answer = _first_line(peer, max(deadline - time.monotonic(), 0) + 10.0)
                    if answer is not None:
                        self._peers[0] = peer
                        return answer["trouble"]
                # The chief that was there has ended, or what is there is TensorFlow's server of one that is ending.
                peer.close()
                error = "what is there does not answer as tfcolor does"
            except OSError as failed:
                error = failed
            if time.monotonic() > deadline:
                return f"{self.name(0)} cannot be reached within {WAIT:.0f} s ({error}); is its process running?"
            if time.monotonic() > notice:
                print(f"waiting for {self.name(0)}: {error}", file=sys.stderr)
                notice = deadline + 1
            time.sleep(0.5)

    def _listen(self, index, peer):
        """Passes on what a peer sends; where it is gone before the end, this process ends."""
        _keep_alive(peer)
        name = None
        with contextlib.suppress(OSError, ValueError), peer.makefile("r", encoding="utf-8") as lines:
            for line in lines:
                message = json.loads(line)
                if "lost" in message or "failed" in message:
                    self._end(message)
                    return
                name = message["name"]
                self._inbox.put(message)
        if name != END:
            self._end({"lost": index})

    def _end(self, message):
        """Ends this process in one line, as another one is lost or has failed; tells the others, if this is the chief.

        The main thread may be within a collective that never comes back, so it cannot be asked.
        """
        # Once: those who have been told end too, and their connections break before this process is gone.
        if self._ending or not self._told.acquire(blocking=False):
            return
        for index, peer in self._peers.items():
            if index not in (message.get("lost"), message.get("failed")):
                with contextlib.suppress(OSError):
                    self._send(peer, message)
        if "failed" in message:  # a mistake that all have made is told by each of them itself
            deadline = time.monotonic() + GRACE
            while time.monotonic() < deadline:
                if self._ending:
                    return
                time.sleep(0.1)
            line = f"{self.name(message['failed'])} has stopped: {message['why']}"
        else:
            line = f"{self.name(message['lost'])} is gone; the same command in all workers goes on from the last epoch"
        if self._ending:
            return
        os.write(2, f"\ntfcolor train: {line}\n".encode())
        os._exit(FAILED)

    def _send(self, peer, message):
        with self._sending:  # the main thread and those that listen
            peer.sendall(json.dumps(message).encode() + b"\n")


def _of_exchange(kind):
    """Whether an error's class is TensorFlow's, other than of memory: a collective raises several of them."""
    errors = getattr(sys.modules.get("tensorflow"), "errors", None)
    return errors and issubclass(kind, errors.OpError) and not issubclass(kind, errors.ResourceExhaustedError)


def _host_and_port(address):
    """ "host:port" -> (host, port); ValueError for anything else."""
    host, colon, port = str(address).rpartition(":")
    if not host or not port.isdigit():
        raise ValueError(f"address {address!r}; host:port")
    return host.strip("[]"), int(port)


def _listening(port):
    """A socket that takes calls; ValueError where another process has the port."""
    try:
        return socket.create_server(("", port))
    except OSError as error:
        raise ValueError(f"TF_CONFIG gives this worker port {port}: {error.strerror}; does another one run?") from error


def _difference(who, theirs, ours):
    """In what one worker differs from the chief, in a line; None where all is the same."""
    for what, value in ours.items():
        other, within = theirs.get(what), ""
        if isinstance(value, dict) and isinstance(other, dict) and other != value:
            key = next(key for key in [*value, *other] if other.get(key) != value.get(key))
            within, value, other = f"{key} ", value.get(key), other.get(key)
        if other != value:
            return f"{who} has another {what}: {within}{other!r}, the chief {value!r}; start all alike"
    return None


def _first_line(peer, seconds=5.0):
    """The first message of a connection, read byte by byte, as more may follow; None where none comes in time."""
    line, deadline = b"", time.monotonic() + seconds
    try:
        while not line.endswith(b"\n"):
            peer.settimeout(max(deadline - time.monotonic(), 0.01))
            byte = peer.recv(1)
            if not byte or len(line) > 1_000_000:
                return None
            line += byte
        peer.settimeout(None)
        return json.loads(line)
    except (OSError, ValueError):
        return None


def _closed(peer):
    """Whether the other end of a connection is closed."""
    try:
        return not peer.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True


def _keep_alive(peer):
    """A machine that has lost its power or its network sends no farewell: within 30 s the system counts it as gone."""
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 4), ("TCP_USER_TIMEOUT", 30_000)):
        if hasattr(socket, option):
            peer.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


# TensorFlow's side --------------------------------------------------------------------------------------------------

DISTRIBUTE = {
    "auto": "as TF_CONFIG and the GPUs are: several workers, several GPUs of one machine, or one device",
    "workers": "the workers of TF_CONFIG, which must be there",
    "devices": "all devices of this machine, whatever TF_CONFIG says",
    "none": "one device, whatever there is",
}


def find_workers(distribute, config):
    """The `Workers` that `--distribute` and TF_CONFIG mean.

    Raises:
        ValueError: a TF_CONFIG that is not as it should be, or workers wanted and none there.
    """
    workers = Workers.of(config) if distribute in ("auto", "workers") else Workers()
    if distribute == "workers" and workers.count == 1:
        raise ValueError(f"--distribute workers: TF_CONFIG names no other workers ({config or 'it is not set'})")
    return workers


def open_strategy(distribute, workers):
    """The `tf.distribute.Strategy` for these workers and the devices here; None for one device. Before any tensor.

    Raises:
        ValueError: several workers or devices are wanted of another Keras backend than TensorFlow.
    """
    import keras
    import tensorflow as tf

    backend = keras.backend.backend()
    gpus = tf.config.list_physical_devices("GPU")
    if backend != "tensorflow" and (workers.count > 1 or distribute == "devices"):
        raise ValueError(f"KERAS_BACKEND={backend} trains on one device: tensorflow, or --distribute none")
    if workers.count > 1:
        kinds = tf.distribute.experimental.CommunicationImplementation
        options = tf.distribute.experimental.CommunicationOptions(implementation=kinds.AUTO if gpus else kinds.RING)
        term = signal.getsignal(signal.SIGTERM)
        with native_errors_to_null(), _patient_heartbeats():  # its server prints as it starts
            strategy = tf.distribute.MultiWorkerMirroredStrategy(communication_options=options)
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, term)  # the server has taken it for a notice to itself: nothing would end
        return strategy
    if distribute == "devices" or (distribute == "auto" and backend == "tensorflow" and len(gpus) > 1):
        devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        return tf.distribute.MirroredStrategy([device.name for device in devices])
    return None


@contextlib.contextmanager
def _patient_heartbeats():
    """TensorFlow's own watch aborts a training if a worker's heartbeat is 10 s late, as it may be where cores are busy.

    Who is lost is seen by `Workers`; so that watch waits for ten minutes. No public function of TensorFlow's says so.
    """
    from tensorflow.python.eager import context

    own = context.context()
    configure = own.configure_coordination_service
    own.configure_coordination_service = functools.partial(configure, heartbeat_timeout_in_ms=600_000)
    try:
        yield
    finally:
        del own.configure_coordination_service
