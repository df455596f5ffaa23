"""ArtifactStore: files of runs, kept once by their content, and immutable manifests of them."""
