"""MLflow's module `models.signature`."""

from trackway.flavors.signature import ModelSignature, infer_signature

__all__ = ["ModelSignature", "infer_signature"]
