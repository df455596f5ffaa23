"""The shared kernel of the services. It knows no service's noun and imports no service."""
