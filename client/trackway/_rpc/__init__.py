"""Talking to the server: the only modules of the facade that import grpc and the generated messages."""
