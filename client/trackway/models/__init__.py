"""MLflow's module `models`: the MLmodel file, signatures and their schemas."""

from trackway.flavors.model import Model, ModelInfo
from trackway.flavors.schema import ColSpec, ParamSchema, ParamSpec, Schema, TensorSpec
from trackway.flavors.signature import ModelSignature, infer_signature
from trackway.flavors.types import DataType

__all__ = [
    "ColSpec",
    "DataType",
    "Model",
    "ModelInfo",
    "ModelSignature",
    "ParamSchema",
    "ParamSpec",
    "Schema",
    "TensorSpec",
    "get_model_info",
    "infer_signature",
]


def get_model_info(model_uri: str) -> ModelInfo:
    """What the model at `runs:/…` or `models:/…` is, without loading it. Its params, tags and step are the logged
    model's (`get_logged_model(info.model_id)`)."""
    from trackway.flavors.loading import fetch

    about = Model.load(fetch(model_uri))
    return ModelInfo(
        model_uri=model_uri,
        artifact_path=about.artifact_path or "",
        run_id=about.run_id or "",
        model_uuid=about.model_uuid,
        flavors=about.flavors,
        signature=about.signature,
        utc_time_created=about.utc_time_created,
        metadata=about.metadata,
        saved_input_example_info=about.saved_input_example_info,
        model_id=about.model_id,
    )
