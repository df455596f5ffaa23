"""A BlobStore whose bytes and refusals are counted, whichever is behind it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager

from trackway_server.artifacts.domain.digests import Digest
from trackway_server.artifacts.domain.ports import BlobStore, BlobWriter
from trackway_server.core.errors import DomainError, Reason
from trackway_server.core.telemetry import Telemetry


class ObservedBlobs:
    """The BlobStore port around another."""

    def __init__(self, blobs: BlobStore, telemetry: Telemetry) -> None:
        self._blobs = blobs
        self._errors = telemetry.counter(
            "trackway_artifact_blob_errors", "Blobs that could not be written or read.", "operation", "reason"
        )
        self._written = telemetry.counter("trackway_artifact_written_bytes", "Bytes of uploads written.")
        self._read = telemetry.counter("trackway_artifact_read_bytes", "Bytes read for downloads.")

    @asynccontextmanager
    async def writer(self) -> AsyncIterator[BlobWriter]:
        """See BlobStore."""
        async with self._blobs.writer() as writer:
            yield _ObservedWriter(writer, self)

    async def read(self, digest: Digest, size_bytes: int, offset: int = 0) -> AsyncGenerator[bytes, None]:
        """See BlobStore."""
        with self.counted("read"):
            async with aclosing(self._blobs.read(digest, size_bytes, offset)) as pieces:
                async for piece in pieces:
                    self._read.inc(len(piece))
                    yield piece

    async def delete(self, digest: Digest) -> bool:
        """See BlobStore."""
        with self.counted("delete"):
            return await self._blobs.delete(digest)

    def wrote(self, size: int) -> None:
        """Told of bytes that were written."""
        self._written.inc(size)

    @contextmanager
    def counted(self, operation: str) -> Iterator[None]:
        """Count what is raised inside the block."""
        try:
            yield
        except DomainError as error:
            self._errors.labels(operation, error.reason.name).inc()
            raise
        except Exception:
            self._errors.labels(operation, Reason.INTERNAL.name).inc()
            raise


class _ObservedWriter:
    def __init__(self, writer: BlobWriter, observed: ObservedBlobs) -> None:
        self._writer = writer
        self._observed = observed

    async def write(self, data: bytes) -> None:
        with self._observed.counted("write"):
            await self._writer.write(data)
        self._observed.wrote(len(data))

    async def commit(self, digest: Digest, size_bytes: int) -> None:
        with self._observed.counted("write"):
            await self._writer.commit(digest, size_bytes)
