"""Loaded by every Python that runs a page of MLflow's documentation: the world which the page takes for granted.

TRACKWAY_TUTORIAL_PORT: where the server listens which pages seek on this machine at the ports below. What they load
from the net comes from the folder TRACKWAY_TUTORIAL_DATA, where it has a file of that name.
"""

import os
import socket
import urllib.request
from pathlib import Path

HOSTS = ("localhost", "127.0.0.1", "::1")
PORTS = (5000, 5001, 8080, 8885)

_connect = socket.socket.connect
_urlopen = urllib.request.urlopen
_urlretrieve = urllib.request.urlretrieve


def _connected(self, address):
    if isinstance(address, tuple) and address[0] in HOSTS and address[1] in PORTS:
        if self.family != socket.AF_INET:
            raise ConnectionRefusedError("the server listens on 127.0.0.1 alone")
        address = ("127.0.0.1", int(os.environ["TRACKWAY_TUTORIAL_PORT"]))
    return _connect(self, address)


def _here(url):
    name = str(getattr(url, "full_url", url)).rsplit("/", 1)[-1].split("?")[0]
    data = Path(os.environ["TRACKWAY_TUTORIAL_DATA"], name) if name else None
    return data.as_uri() if data is not None and data.is_file() else None


def _opened(url, *arguments, **named):
    here = _here(url)
    return _urlopen(url, *arguments, **named) if here is None else _urlopen(here)


def _retrieved(url, *arguments, **named):
    return _urlretrieve(_here(url) or url, *arguments, **named)


if "TRACKWAY_TUTORIAL_PORT" in os.environ:
    socket.socket.connect = _connected
    urllib.request.urlopen = _opened
    urllib.request.urlretrieve = _retrieved
