"""HTTP requests to addresses that users name."""
