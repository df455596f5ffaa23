"""Runs a test of the artifact store once over each place where blobs may be."""

from __future__ import annotations

import pytest

over_both_blob_stores = pytest.mark.parametrize("client", ["local", "s3"], indirect=True)
