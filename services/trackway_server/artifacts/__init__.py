"""ArtifactStore: files of runs, kept once by their content, and immutable manifests of them.

Nothing removes a blob yet: deleting a file removes its row, and an upload that ends between blob and row leaves a blob
that nothing refers to. Keeping those is what makes an upload of the same bytes at the same time safe.
"""
