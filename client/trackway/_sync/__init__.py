"""The synchronous face of the client: the same surface, carried out on one thread with an event loop of its own."""
