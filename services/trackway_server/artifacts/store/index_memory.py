"""The index in memory: the reference for the port, in the plainest way that is right."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from trackway_server.artifacts.domain.artifacts import (
    Artifact,
    Entry,
    FileEntry,
    FolderEntry,
    Owner,
    not_found,
    path_conflict,
)
from trackway_server.artifacts.domain.digests import Digest
from trackway_server.artifacts.domain.manifests import (
    Manifest,
    manifest_file_not_found,
    manifest_not_found,
    relative_to,
)
from trackway_server.artifacts.domain.paths import ArtifactPath, Folder, prefix_of


class MemoryArtifactIndex:
    """The ArtifactIndex port on dictionaries. No method awaits, so each is one transaction."""

    def __init__(self) -> None:
        self._files: defaultdict[Owner, dict[str, Artifact]] = defaultdict(dict)
        self._manifests: dict[tuple[str, Digest], Manifest] = {}

    async def put(self, artifact: Artifact) -> None:
        """See ArtifactIndex."""
        files = self._files[artifact.owner]
        for standing in files:
            if standing in artifact.path.ancestors() or standing.startswith(prefix_of(artifact.path)):
                raise path_conflict(artifact.path, standing)
        files[artifact.path.text] = artifact

    async def get(self, owner: Owner, path: ArtifactPath) -> Artifact:
        """See ArtifactIndex."""
        try:
            return self._files[owner][path.text]
        except KeyError:
            raise not_found(owner, path) from None

    async def children(self, owner: Owner, folder: Folder, *, start: str, limit: int) -> Sequence[Entry]:
        """See ArtifactIndex."""
        return list(islice(_children(prefix_of(folder), self._below(owner, folder, start)), limit))

    async def files_below(self, owner: Owner, folder: Folder, *, start: str, limit: int) -> Sequence[FileEntry]:
        """See ArtifactIndex."""
        return list(islice(self._below(owner, folder, start), limit))

    async def want(self, digest: Digest, now_us: int) -> None:
        """See ArtifactIndex. Nothing is ever collected here."""

    async def delete(self, owner: Owner, path: ArtifactPath) -> int:
        """See ArtifactIndex."""
        removed = [entry.path.text for entry in self._at_or_below(owner, path)]
        for text in removed:
            del self._files[owner][text]
        if not removed:
            raise not_found(owner, path)
        return len(removed)

    async def create_manifest(self, owner: Owner, folder: Folder, now_us: int) -> Manifest:
        """See ArtifactIndex."""
        manifest = Manifest.of(relative_to(folder, entry) for entry in self._at_or_below(owner, folder))
        if not manifest.entries:
            raise not_found(owner, folder)
        return self._manifests.setdefault((owner.workspace, manifest.digest), manifest)

    async def manifest(self, workspace: str, digest: Digest) -> Manifest:
        """See ArtifactIndex."""
        try:
            return self._manifests[workspace, digest]
        except KeyError:
            raise manifest_not_found(digest) from None

    async def manifest_file(self, workspace: str, digest: Digest, path: ArtifactPath) -> FileEntry:
        """See ArtifactIndex."""
        for entry in (await self.manifest(workspace, digest)).entries:
            if entry.path == path:
                return entry
        raise manifest_file_not_found(path)

    def _at_or_below(self, owner: Owner, folder: Folder) -> list[FileEntry]:
        at = [_entry(self._files[owner][folder.text])] if folder and folder.text in self._files[owner] else []
        return at + list(self._below(owner, folder, prefix_of(folder)))

    def _below(self, owner: Owner, folder: Folder, start: str) -> Iterator[FileEntry]:
        for text, artifact in sorted(self._files[owner].items()):
            if text >= start and text.startswith(prefix_of(folder)):
                yield _entry(artifact)


def _entry(artifact: Artifact) -> FileEntry:
    return FileEntry(artifact.path, artifact.digest, artifact.size_bytes)


def _children(prefix: str, files: Iterable[FileEntry]) -> Iterator[Entry]:
    last = None
    for entry in files:
        name, slash, _ = entry.path.text.removeprefix(prefix).partition("/")
        if not slash:
            yield entry
        elif name != last:
            last = name
            yield FolderEntry(ArtifactPath(prefix + name))
