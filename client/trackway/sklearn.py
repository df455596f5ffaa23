"""MLflow's module name for `trackway.flavors.sklearn`."""

from trackway.flavors.sklearn import load_model, log_model, save_model

__all__ = ["load_model", "log_model", "save_model"]
