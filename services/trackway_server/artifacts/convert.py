"""Messages into values and back."""

from __future__ import annotations

from trackway.api.artifacts.v1 import artifact_store_service_pb2 as pb
from trackway.api.artifacts.v1 import resources_pb2
from trackway_server.artifacts.domain.artifacts import Artifact, Entry, FileEntry, Owner
from trackway_server.artifacts.domain.listing import Listing, Page
from trackway_server.artifacts.domain.manifests import Manifest
from trackway_server.artifacts.domain.paths import parse_folder
from trackway_server.core.rpc.call import Call


def owner_of(name: str, workspace: str, call: Call) -> Owner:
    """The owner a request names; whether the caller may reach it is yet to be checked."""
    return Owner(call.named_workspace(workspace), name)


def listing_of(request: pb.ListArtifactsRequest, owner: Owner) -> Listing:
    """What a request asks to list."""
    return Listing(owner, parse_folder(request.path), request.recursive)


def artifact_message(artifact: Artifact) -> resources_pb2.Artifact:
    """A file of an owner."""
    return resources_pb2.Artifact(
        owner=artifact.owner.name,
        path=artifact.path.text,
        digest=artifact.digest.text,
        size_bytes=artifact.size_bytes,
        create_time_us=artifact.create_time_us,
    )


def file_message(entry: FileEntry) -> resources_pb2.Artifact:
    """A file of a manifest, which has no owner."""
    return resources_pb2.Artifact(path=entry.path.text, digest=entry.digest.text, size_bytes=entry.size_bytes)


def page_message(page: Page) -> pb.ListArtifactsResponse:
    """A page of a listing."""
    entries = [_entry_message(entry) for entry in page.entries]
    return pb.ListArtifactsResponse(entries=entries, next_page_token=page.next_page_token)


def manifest_message(manifest: Manifest) -> resources_pb2.Manifest:
    """A manifest."""
    return resources_pb2.Manifest(
        digest=manifest.digest.text,
        size_bytes=manifest.size_bytes,
        entries=[
            resources_pb2.ManifestEntry(path=entry.path.text, digest=entry.digest.text, size_bytes=entry.size_bytes)
            for entry in manifest.entries
        ],
    )


def _entry_message(entry: Entry) -> resources_pb2.ListEntry:
    match entry:
        case FileEntry(path, digest, size_bytes):
            return resources_pb2.ListEntry(path=path.text, digest=digest.text, size_bytes=size_bytes)
        case _:
            return resources_pb2.ListEntry(path=entry.path.text, is_folder=True)
