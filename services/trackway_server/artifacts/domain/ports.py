"""The ports to where artifacts are kept. Their docstrings are the specification that the conformance tests check."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from trackway_server.artifacts.domain.artifacts import Artifact, Entry, FileEntry, Owner
from trackway_server.artifacts.domain.digests import Digest
from trackway_server.artifacts.domain.manifests import Manifest
from trackway_server.artifacts.domain.paths import ArtifactPath, Folder
from trackway_server.core.errors import DomainError, Reason

Credentials = tuple[tuple[str, str], ...]
"""What a call to another service carries on behalf of the caller. The domain only hands it on."""


class BlobWriter(Protocol):
    """Takes the bytes of one blob, in order."""

    async def write(self, data: bytes) -> None:
        """Take the next bytes, of any number. Memory does not grow with the blob.

        Raises DomainError(STORAGE_FULL) where there is no room; nothing of the blob then stays.
        """
        ...

    async def commit(self, digest: Digest, size_bytes: int) -> None:
        """Keep what was written. When this returns the blob is durable and can be read, whole.

        Bytes that are kept already stay readable throughout; if those kept are damaged, they are replaced.
        Raises DomainError(DIGEST_MISMATCH) where the bytes written have another digest or number, and
        DomainError(STORAGE_FULL); nothing of the blob then stays.
        """
        ...


class BlobStore(Protocol):
    """Keeps bytes under their SHA-256, whole, once. Nothing but a digest ever names a place in it."""

    def writer(self) -> AbstractAsyncContextManager[BlobWriter]:
        """A writer for one blob. What is not committed when its block ends leaves no trace."""
        ...

    def read(self, digest: Digest, size_bytes: int, offset: int = 0) -> AsyncGenerator[bytes, None]:
        """The blob's bytes from `offset` on (0 to `size_bytes`), in pieces of at most 1 MiB.

        The whole blob is checked against the digest, and its last piece comes only if it is right; else, and where
        there is no such blob of this size, DomainError(BLOB_CORRUPT). The caller closes the generator.
        """
        ...

    async def delete(self, digest: Digest) -> bool:
        """Remove the blob; False where there was none. The caller has made sure that nothing refers to it."""
        ...


@dataclass(frozen=True, slots=True)
class PresignedUpload:
    """An upload to which others send the parts. `file` says what it is for (see `upload_file`): the upload of one file
    cannot be completed as another."""

    file: str
    upload_id: str


@dataclass(frozen=True, slots=True)
class DeclaredSize:
    """What a file is to have, in all and in each part but the last."""

    size_bytes: int
    part_bytes: int

    def of_part(self, number: int) -> int:
        """The size of a part, from 1 on; 0 or less where there is none of that number."""
        return min(self.part_bytes, self.size_bytes - (number - 1) * self.part_bytes)


def too_large(most: int) -> DomainError:
    """The refusal of a file that is greater than those that are taken."""
    message = f"A file sent straight to the blob store has at most {most} bytes here; split it."
    return DomainError(Reason.LIMIT_EXCEEDED, message, limit="presigned_file_bytes", maximum=str(most))


class PresignedTransfers(Protocol):
    """Hands out addresses of blobs, and takes what was sent to them. An address is of one blob or part, and ends."""

    @property
    def longest_s(self) -> int:
        """For how long an address may hold, in seconds."""
        ...

    @property
    def max_bytes(self) -> int:
        """The greatest file that is taken."""
        ...

    async def download_url(self, digest: Digest, name: str, lifetime_s: int) -> str:
        """An address that answers the blob to GET, as a download of that name. Whether there is such a blob is not
        looked up."""
        ...

    async def begin(self, file: str, size_bytes: int = 0) -> PresignedUpload:
        """A new upload, of a file of that size (0: not declared), which is part of its id.

        What becomes of one that is neither completed nor aborted is removed after a day.
        """
        ...

    async def part_url(
        self, upload: PresignedUpload, number: int, lifetime_s: int, declared: DeclaredSize | None = None
    ) -> str:
        """An address that takes the part of that number (from 1 on) by PUT, of exactly its size where that is declared.

        Raises DomainError(INVALID_FIELD) where that was another size at the beginning.
        """
        ...

    async def complete(
        self, upload: PresignedUpload, etags: Sequence[str], wanted: Callable[[Digest], Awaitable[None]]
    ) -> tuple[Digest, int]:
        """Keep the parts as a blob, known by its digest from reading it. Durable when this answers digest and size.

        `wanted` is told the digest before there is such a blob; where it raises, the upload may be completed again.
        Raises DomainError(UPLOAD_NOT_FOUND) for one that is not there, DomainError(INVALID_FIELD) where the parts are
        not those that were sent or not of the declared size, DomainError(LIMIT_EXCEEDED) where they are more than
        `max_bytes`; nothing of it then becomes a blob.
        """
        ...

    async def abort(self, upload: PresignedUpload) -> None:
        """End it; nothing of it stays. Without effect where there is no such upload."""
        ...


class ArtifactIndex(Protocol):
    """Knows which owner has which files, and what manifests hold. It keeps digests, never bytes.

    Every question is about one workspace: what another workspace holds is not found. Every path and digest that comes
    out is checked as it was when it went in: DomainError(ARTIFACT_PATH_INVALID) or DomainError(BLOB_CORRUPT).
    """

    async def put(self, artifact: Artifact) -> None:
        """Record the file, in place of one under the same path. Durable when this returns.

        Raises DomainError(ARTIFACT_PATH_CONFLICT) where a file stands at one of the path's folders, or files lie
        below the path; of two conflicting files put at once, exactly one is recorded.
        """
        ...

    async def get(self, owner: Owner, path: ArtifactPath) -> Artifact:
        """The file. Raises DomainError(ARTIFACT_NOT_FOUND)."""
        ...

    async def children(self, owner: Owner, folder: Folder, *, start: str, limit: int) -> Sequence[Entry]:
        """The folder's own files and folders from `start` on, at most `limit`.

        Sorted by path, a folder's as if it ended in `/`. `start` is the folder's prefix, or `next_start` of an entry.
        """
        ...

    async def files_below(self, owner: Owner, folder: Folder, *, start: str, limit: int) -> Sequence[FileEntry]:
        """All files below the folder from `start` on, sorted by path, at most `limit`."""
        ...

    async def want(self, digest: Digest, now_us: int) -> None:
        """Say that bytes of this digest are about to be stored, and a file with them to be recorded: they are then not
        collected for a while (domain/collecting.py).

        Raises DomainError(SERVICE_UNAVAILABLE) while a collection is just removing them.
        """
        ...

    async def delete(self, owner: Owner, path: ArtifactPath) -> int:
        """Remove the file, or the folder with all below it; the number of files removed.

        Raises DomainError(ARTIFACT_NOT_FOUND) where it is 0. Manifests stay as they are.
        """
        ...

    async def create_manifest(self, owner: Owner, folder: Folder, now_us: int) -> Manifest:
        """Record the manifest of the folder, or of the one file, as it is at one instant. Durable when this returns.

        The same content makes the same manifest; making it again changes nothing.
        Raises DomainError(ARTIFACT_NOT_FOUND) where nothing is there, DomainError(LIMIT_EXCEEDED) where too much is.
        """
        ...

    async def manifest(self, workspace: str, digest: Digest) -> Manifest:
        """The manifest. Raises DomainError(MANIFEST_NOT_FOUND); DomainError(BLOB_CORRUPT) if it was tampered with."""
        ...

    async def manifest_file(self, workspace: str, digest: Digest, path: ArtifactPath) -> FileEntry:
        """One file of a manifest. Raises DomainError(MANIFEST_NOT_FOUND) or DomainError(ARTIFACT_NOT_FOUND)."""
        ...


class FileRoles(Protocol):
    """Knows what callers may do with files by a role on a single experiment or model, where the one in the workspace
    does not suffice. Raises DomainError(SERVICE_UNAVAILABLE) where that cannot be known."""

    async def on_owner(self, owner: Owner, credentials: Credentials) -> int:
        """The caller's role (auth.v1.Role) on the run or logged model, which lies in the owner's workspace; 0: none, or
        no such thing."""
        ...

    async def on_manifest(self, workspace: str, digest: Digest, credentials: Credentials) -> int:
        """The caller's role on the models of the workspace that have a version of these files; 0: none."""
        ...
