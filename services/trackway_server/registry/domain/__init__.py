"""What a registry is, without transport and storage."""
