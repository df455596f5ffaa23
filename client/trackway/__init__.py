"""Trackway: experiment tracking and a model registry. Whoever knows MLflow knows how to use it.

    import trackway as mlflow

    with mlflow.start_run():
        mlflow.log_param("learn_rate", 0.1)
        mlflow.log_metric("loss", 0.25, step=1)
        mlflow.sklearn.log_model(model)

No server is needed to record; with one on the default port (`trackway server`) nothing needs to be configured. The
settings are in `trackway.config`, the errors in `trackway.errors`, what is answered in `trackway.types`; `Client` and
`AsyncClient` are the whole API below these functions.

Importing this package costs some milliseconds: what a training loop calls is loaded, every other name when it is first
used.
"""

from __future__ import annotations

import sys

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trackway import (
        artifacts,
        config,
        data,
        entities,
        errors,
        models,
        pyfunc,
        sklearn,
        tracking,
        types,
    )
    from trackway._fluent.checkpoints import import_checkpoints, log_checkpoints
    from trackway._fluent.experiment import set_experiment
    from trackway._fluent.files import (
        get_artifact_uri,
        log_artifact,
        log_artifacts,
        log_dict,
        log_figure,
        log_image,
        log_text,
    )
    from trackway._fluent.logged_models import (
        clear_active_model,
        create_external_model,
        delete_logged_model_tag,
        finalize_logged_model,
        get_active_model_id,
        get_logged_model,
        initialize_logged_model,
        last_logged_model,
        log_model_params,
        log_outputs,
        search_logged_models,
        set_active_model,
        set_logged_model_tags,
    )
    from trackway._fluent.mlflow_client import MlflowClient
    from trackway._fluent.monitor import VersionMonitor
    from trackway._fluent.monitoring import monitor_version
    from trackway._fluent.reads import (
        compare_runs,
        create_experiment,
        delete_experiment,
        delete_experiment_tag,
        delete_run,
        get_experiment,
        get_experiment_by_name,
        get_parent_run,
        get_run,
        restore_experiment,
        restore_run,
        search_experiments,
        search_runs,
        set_experiment_tag,
        set_experiment_tags,
    )
    from trackway._fluent.registry import (
        register_model,
        search_model_versions,
        search_registered_models,
        set_model_version_tag,
    )
    from trackway._fluent.run import ActiveRun
    from trackway._fluent.session import get_tracking_uri, is_tracking_uri_set, set_tracking_uri
    from trackway._fluent.stack import active_run, attach_run, end_run, last_active_run, start_run
    from trackway._fluent.system_metrics import (
        disable_system_metrics_logging,
        enable_system_metrics_logging,
        set_system_metrics_node_id,
        set_system_metrics_samples_before_logging,
        set_system_metrics_sampling_interval,
    )
    from trackway._fluent.tables import load_table, log_stream, log_table
    from trackway._fluent.values import (
        delete_tag,
        flush,
        flush_async_logging,
        log_dataset,
        log_input,
        log_inputs,
        log_metric,
        log_metrics,
        log_param,
        log_params,
        log_series,
        set_tag,
        set_tags,
    )
    from trackway.aio import AsyncClient
    from trackway.client import Client
    from trackway.errors import TrackwayError

_MODULES = (
    "artifacts",
    "config",
    "data",
    "entities",
    "errors",
    "models",
    "pyfunc",
    "sklearn",
    "tracking",
    "types",
)
_HOMES = {
    "trackway._fluent.experiment": ("set_experiment",),
    "trackway._fluent.checkpoints": ("import_checkpoints", "log_checkpoints"),
    "trackway._fluent.files": (
        "get_artifact_uri",
        "log_artifact",
        "log_artifacts",
        "log_dict",
        "log_figure",
        "log_image",
        "log_text",
    ),
    "trackway._fluent.logged_models": (
        "clear_active_model",
        "create_external_model",
        "delete_logged_model_tag",
        "finalize_logged_model",
        "get_active_model_id",
        "get_logged_model",
        "initialize_logged_model",
        "last_logged_model",
        "log_model_params",
        "log_outputs",
        "search_logged_models",
        "set_active_model",
        "set_logged_model_tags",
    ),
    "trackway._fluent.mlflow_client": ("MlflowClient",),
    "trackway._fluent.monitor": ("VersionMonitor",),
    "trackway._fluent.monitoring": ("monitor_version",),
    "trackway._fluent.reads": (
        "compare_runs",
        "create_experiment",
        "delete_experiment",
        "delete_experiment_tag",
        "delete_run",
        "get_experiment",
        "get_experiment_by_name",
        "get_parent_run",
        "get_run",
        "restore_experiment",
        "restore_run",
        "search_experiments",
        "search_runs",
        "set_experiment_tag",
        "set_experiment_tags",
    ),
    "trackway._fluent.registry": (
        "register_model",
        "search_model_versions",
        "search_model_versions",
        "search_registered_models",
        "set_model_version_tag",
    ),
    "trackway._fluent.run": ("ActiveRun",),
    "trackway._fluent.session": ("get_tracking_uri", "is_tracking_uri_set", "set_tracking_uri"),
    "trackway._fluent.stack": ("active_run", "attach_run", "end_run", "last_active_run", "start_run"),
    "trackway._fluent.system_metrics": (
        "disable_system_metrics_logging",
        "enable_system_metrics_logging",
        "set_system_metrics_node_id",
        "set_system_metrics_samples_before_logging",
        "set_system_metrics_sampling_interval",
    ),
    "trackway._fluent.tables": ("load_table", "log_stream", "log_table"),
    "trackway._fluent.values": (
        "delete_tag",
        "flush",
        "flush_async_logging",
        "log_dataset",
        "log_input",
        "log_inputs",
        "log_metric",
        "log_metrics",
        "log_param",
        "log_params",
        "log_series",
        "set_tag",
        "set_tags",
    ),
    "trackway.aio": ("AsyncClient",),
    "trackway.client": ("Client",),
    "trackway.errors": ("TrackwayError",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "ActiveRun",
    "AsyncClient",
    "Client",
    "MlflowClient",
    "TrackwayError",
    "VersionMonitor",
    "__version__",
    "active_run",
    "artifacts",
    "attach_run",
    "clear_active_model",
    "compare_runs",
    "config",
    "create_experiment",
    "create_external_model",
    "data",
    "delete_experiment",
    "delete_experiment_tag",
    "delete_logged_model_tag",
    "delete_run",
    "delete_tag",
    "disable_system_metrics_logging",
    "enable_system_metrics_logging",
    "end_run",
    "entities",
    "errors",
    "finalize_logged_model",
    "flush",
    "flush_async_logging",
    "get_active_model_id",
    "get_artifact_uri",
    "get_experiment",
    "get_experiment_by_name",
    "get_logged_model",
    "get_parent_run",
    "get_run",
    "get_tracking_uri",
    "import_checkpoints",
    "initialize_logged_model",
    "is_tracking_uri_set",
    "last_active_run",
    "last_logged_model",
    "load_table",
    "log_artifact",
    "log_artifacts",
    "log_checkpoints",
    "log_dataset",
    "log_dict",
    "log_figure",
    "log_image",
    "log_input",
    "log_inputs",
    "log_metric",
    "log_metrics",
    "log_model_params",
    "log_outputs",
    "log_param",
    "log_params",
    "log_series",
    "log_stream",
    "log_table",
    "log_text",
    "models",
    "monitor_version",
    "pyfunc",
    "register_model",
    "restore_experiment",
    "restore_run",
    "search_experiments",
    "search_logged_models",
    "search_model_versions",
    "search_registered_models",
    "search_runs",
    "set_active_model",
    "set_experiment",
    "set_experiment_tag",
    "set_experiment_tags",
    "set_logged_model_tags",
    "set_model_version_tag",
    "set_system_metrics_node_id",
    "set_system_metrics_samples_before_logging",
    "set_system_metrics_sampling_interval",
    "set_tag",
    "set_tags",
    "set_tracking_uri",
    "sklearn",
    "start_run",
    "tracking",
    "types",
]


def __getattr__(name: str) -> object:
    """Load a public name when it is first used (PEP 562)."""
    if name not in _HOME and name not in _MODULES:
        raise AttributeError(f"module 'trackway' has no attribute {name!r}")
    found = _module(f"trackway.{name}") if name in _MODULES else getattr(_module(_HOME[name]), name)
    globals()[name] = found
    return found


def _module(name: str) -> object:
    # Not importlib.import_module: that package, and what it loads, would be a tenth of a first start_run().
    __import__(name)
    return sys.modules[name]


def __dir__() -> list[str]:
    return __all__


# Loaded with the package, some 5 ms, so that they are no part of the first start_run().
_module("trackway._fluent.stack")
_module("trackway._fluent.values")
