"""The fluent API: MLflow's functions over one active run per thread.

    session   server and experiment that new runs go to
    stack     start, end and join runs; the active run of each thread
    run       the run's handle: what is logged goes to its writer
    values    log_param, log_metric, set_tag, …   files   log_artifact, log_text, log_figure, …
    reads     get_run, search_runs, experiments    registry  register_model
    context   what a run tells about its process    closing   what happens to open runs when the process ends

Everything here that a training loop passes through imports nothing that is slow, and nothing of gRPC: see
tests/unit/fluent/test_import_cost.py.
"""
