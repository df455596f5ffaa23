"""A TCP proxy before several servers, like a load balancer that knows nothing of them."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress


class HopProxy:
    """Hands each connection to the next server that accepts it. For tests that have no event loop."""

    def __init__(self, ports: Sequence[int]) -> None:
        self._ports = ports
        self._turns = itertools.count()
        self._sockets: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.connected = dict.fromkeys(ports, 0)
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def uri(self) -> str:
        """Its address for clients."""
        return f"trackway://127.0.0.1:{self._listener.getsockname()[1]}"

    def reset(self) -> None:
        """Cut every connection."""
        for one in list(self._sockets):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Take no more, and cut what there is."""
        self._listener.close()
        self.reset()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        first = next(self._turns)
        for turn in range(first, first + len(self._ports)):
            port = self._ports[turn % len(self._ports)]
            with suppress(OSError):
                server = socket.create_connection(("127.0.0.1", port))
                self.connected[port] += 1
                break
        else:
            client.close()
            return
        self._sockets |= {client, server}
        back = threading.Thread(target=self._carry, args=(server, client), daemon=True)
        back.start()
        self._carry(client, server)
        back.join()
        self._sockets -= {client, server}
        client.close()
        server.close()

    @staticmethod
    def _carry(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                target.sendall(data)
        for one in (source, target):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


@contextmanager
def hop_proxy(ports: Sequence[int]) -> Iterator[HopProxy]:
    """A proxy before the servers on these ports of this machine."""
    proxy = HopProxy(ports)
    try:
        yield proxy
    finally:
        proxy.close()
