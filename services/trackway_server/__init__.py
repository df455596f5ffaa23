"""The Trackway services: Tracking, ArtifactStore and ModelRegistry as async gRPC servers, and the program around them."""
