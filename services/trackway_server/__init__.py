"""The Trackway services (Tracking, ArtifactStore, ModelRegistry) as async gRPC servers, and the program around them."""
