"""gRPC servers: the chain of interceptors, the status table, validation, health and reflection."""
