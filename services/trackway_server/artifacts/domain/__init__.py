"""What artifacts are: paths, digests, manifests, listings, and the ports to where they are kept."""
