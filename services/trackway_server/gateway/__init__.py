"""The HTTP side: health, Prometheus metrics and read-only pages. A gRPC client of the services, nothing more."""
