"""Model flavors: how models of one library are saved, loaded and asked for predictions.

A flavor is one module: a class that meets `flavor.Flavor`, its instance `FLAVOR`, the functions `save_model`,
`log_model` and `load_model`, and a line in `catalog`. What all flavors share is done once, in `saving` and `loading`.

    flavor       the port that a flavor implements           catalog      which module reads which model
    saving       folder of a model → run → registry          loading      address of a model → folder → model
    model        the MLmodel file                            environment  requirements.txt, python_env.yaml, conda.yaml
    signature, schema, types, infer, enforce                 what `predict` takes: described, inferred, enforced
    pickled, trust, example                                  pickles, leave to load them, input examples
"""
