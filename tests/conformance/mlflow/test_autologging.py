"""Autologging of the libraries that most people train with, each with its real library, into a real server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.mlflow_environment import LIBRARIES, interpreter, needs_libraries, plugin, rest, told
from trackway.testing import LocalServer

pytestmark = [needs_libraries, pytest.mark.xdist_group("mlflow libraries"), pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as running:
        yield running


COMMON = """
import mlflow, numpy as np
from mlflow import MlflowClient

client = MlflowClient()

def learned():
    "The last run, ended well; and the models it made."
    run = mlflow.get_run(mlflow.last_active_run().info.run_id)
    assert run.info.status == "FINISHED", run.info
    models = mlflow.search_logged_models([run.info.experiment_id], output_format="list")
    return run, [model for model in models if model.source_run_id == run.info.run_id]

def files(run, path=None):
    return {each.path for each in client.list_artifacts(run.info.run_id, path)}

random = np.random.default_rng(0)
data = random.normal(size=(60, 4))
labels = (data[:, 0] + data[:, 1] > 0).astype(int)
"""

SKLEARN = """
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

experiment = mlflow.set_experiment("scikit-learn").experiment_id
mlflow.sklearn.autolog(max_tuning_runs=2)
fitted = make_pipeline(StandardScaler(), LogisticRegression(C=0.5)).fit(data, labels)
score = fitted.score(data, labels)  # what is measured afterwards is the run's, too
run, (model,) = learned()
assert run.data.params["logisticregression__C"] == "0.5", run.data.params
assert run.data.params["steps"].startswith("[('standardscaler'"), run.data.params
assert {"training_accuracy_score", "training_log_loss", "training_roc_auc"} <= set(run.data.metrics), run.data.metrics
assert run.data.metrics["training_score"] == score == run.data.metrics["Pipeline_score_data"], run.data.metrics
assert run.data.tags["estimator_name"] == "Pipeline"
assert {"estimator.html", "metric_info.json", "training_confusion_matrix.png"} <= files(run), files(run)
read = {tag.value: each.dataset for each in run.inputs.dataset_inputs for tag in each.tags}
assert '"features_shape": [60, 4]' in read["train"].profile, read
assert (model.status, model.params["logisticregression__C"]) == ("READY", "0.5"), model
assert [each.model_id for each in run.outputs.model_outputs] == [model.model_id]
loaded = mlflow.pyfunc.load_model(f"models:/{model.model_id}")
assert list(loaded.predict(data)) == list(fitted.predict(data))
assert list(mlflow.sklearn.load_model(f"runs:/{run.info.run_id}/model").predict(data)) == list(fitted.predict(data))

grid = GridSearchCV(LogisticRegression(), {"C": [0.01, 1.0, 10.0], "fit_intercept": [True, False]}, cv=3)
grid.fit(data, labels)
parent, models = learned()
assert parent.data.params["best_C"] == str(grid.best_params_["C"]), parent.data.params
assert parent.data.metrics["best_cv_score"] == grid.best_score_, parent.data.metrics
assert "cv_results.csv" in files(parent)
best = [model for model in models if model.name == "best_estimator"]
assert best, models
chosen = f"tags.mlflow.parentRunId = '{parent.info.run_id}'"
children = client.search_runs([experiment], chosen, order_by=["metrics.rank_test_score"])
assert len(children) == 2 and all(child.info.status == "FINISHED" for child in children), children
assert children[0].data.metrics["mean_test_score"] == grid.best_score_, children[0].data.metrics
assert {key: children[0].data.params[key] for key in ("C", "fit_intercept")} == {
    key: str(value) for key, value in grid.best_params_.items()
}
assert list(mlflow.pyfunc.load_model(f"models:/{best[0].model_id}").predict(data)) == list(grid.predict(data))

try:
    LogisticRegression(C=-1.0).fit(data, labels)
    raise AssertionError("nonsense was fitted")
except ValueError:
    assert mlflow.get_run(mlflow.last_active_run().info.run_id).info.status == "FAILED"
"""

XGBOOST = """
import xgboost

mlflow.set_experiment("XGBoost")
mlflow.xgboost.autolog()
matrix = xgboost.DMatrix(data, labels, feature_names=["a", "b", "c", "d"])
watched = [(matrix, "train")]
booster = xgboost.train(
    {"objective": "binary:logistic", "max_depth": 2, "eval_metric": ["logloss", "error"], "nthread": 1},
    matrix, num_boost_round=8, evals=watched, early_stopping_rounds=3, verbose_eval=False,
)
run, (model,) = learned()
assert run.data.params["max_depth"] == "2" and run.data.params["num_boost_round"] == "8", run.data.params
losses = client.get_metric_history(run.info.run_id, "train-logloss")
assert [each.step for each in losses][:8] == list(range(8)), losses
assert losses[0].value > losses[-1].value and "best_iteration" in run.data.metrics, run.data.metrics
assert {"feature_importance_weight.json", "feature_importance_weight.png"} <= files(run), files(run)
assert np.allclose(mlflow.xgboost.load_model(f"models:/{model.model_id}").predict(matrix), booster.predict(matrix))

fitted = xgboost.XGBClassifier(n_estimators=4, max_depth=2, n_jobs=1).fit(data, labels)
run, (model,) = learned()
assert run.data.params["num_boost_round"] == "4", run.data.params
assert list(mlflow.pyfunc.load_model(f"models:/{model.model_id}").predict(data)) == list(fitted.predict(data))
"""

LIGHTGBM = """
import lightgbm

mlflow.set_experiment("LightGBM")
mlflow.lightgbm.autolog()
train = lightgbm.Dataset(data, labels)
booster = lightgbm.train(
    {"objective": "binary", "num_leaves": 4, "metric": ["binary_logloss"], "verbose": -1, "num_threads": 1}
    | {"min_data_in_leaf": 5},
    train, num_boost_round=6, valid_sets=[train], valid_names=["train"],
)
run, (model,) = learned()
assert run.data.params["num_leaves"] == "4" and run.data.params["num_boost_round"] == "6", run.data.params
losses = client.get_metric_history(run.info.run_id, "train-binary_logloss")
assert [each.step for each in losses] == list(range(6)) and losses[0].value > losses[-1].value, losses
assert {f"feature_importance_{kind}.{form}" for kind in ("gain", "split") for form in ("json", "png")} <= files(run)
assert np.allclose(mlflow.lightgbm.load_model(f"models:/{model.model_id}").predict(data), booster.predict(data))
assert np.allclose(mlflow.pyfunc.load_model(f"models:/{model.model_id}").predict(data), booster.predict(data))

fitted = lightgbm.LGBMClassifier(n_estimators=3, num_leaves=4, n_jobs=1, verbose=-1).fit(data, labels)
run, (model,) = learned()
assert run.data.params["num_boost_round"] == "3", run.data.params
assert list(mlflow.lightgbm.load_model(f"models:/{model.model_id}").predict(data)) == list(fitted.predict(data))
"""

PYTORCH = """
import lightning, torch
from torch.utils.data import DataLoader, TensorDataset

class Net(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 2)

    def forward(self, inputs):
        return self.layer(inputs)

    def training_step(self, batch, index):
        loss = torch.nn.functional.cross_entropy(self(batch[0]), batch[1])
        self.log("train_loss", loss, on_epoch=True)
        return loss

    def validation_step(self, batch, index):
        self.log("val_loss", torch.nn.functional.cross_entropy(self(batch[0]), batch[1]))

    def test_step(self, batch, index):
        self.log("test_loss", torch.nn.functional.cross_entropy(self(batch[0]), batch[1]))

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=0.1)

torch.manual_seed(0)
mlflow.set_experiment("PyTorch")
mlflow.pytorch.autolog(checkpoint_monitor="val_loss", checkpoint_save_best_only=False)
loader = DataLoader(TensorDataset(torch.tensor(data, dtype=torch.float32), torch.tensor(labels)), batch_size=20)
trainer = lightning.Trainer(
    max_epochs=3, logger=False, enable_progress_bar=False, enable_checkpointing=True, accelerator="cpu",
    default_root_dir="lightning", enable_model_summary=False,
)
net = Net()
with mlflow.start_run():
    trainer.fit(net, loader, loader)
    trainer.test(net, loader, verbose=False)
run, models = learned()
assert run.data.params["lr"] == "0.1" and run.data.params["optimizer_name"] == "Adam", run.data.params
assert run.data.params["epochs"] == "3", run.data.params
losses = client.get_metric_history(run.info.run_id, "val_loss")
assert [each.step for each in losses] == [0, 1, 2] and losses[0].value > losses[-1].value, losses
assert {"train_loss", "train_loss_epoch", "train_loss_step", "test_loss"} <= set(run.data.metrics), run.data.metrics
assert "model_summary.txt" in files(run), files(run)
assert "checkpoints" in files(run), files(run)
final = [model for model in models if model.name == "model"]
assert final, models
loaded = mlflow.pytorch.load_model(f"models:/{final[0].model_id}")
inputs = torch.tensor(data, dtype=torch.float32)
assert torch.equal(loaded(inputs), net(inputs))
restored = mlflow.pytorch.load_checkpoint(Net, run.info.run_id)
assert torch.equal(restored(inputs), net(inputs))
"""


@pytest.mark.parametrize(
    "story",
    [
        pytest.param(SKLEARN, id="sklearn"),
        pytest.param(XGBOOST, id="xgboost"),
        pytest.param(LIGHTGBM, id="lightgbm"),
        pytest.param(PYTORCH, id="pytorch"),
    ],
)
def test_over_mlflows_rest_api(server: LocalServer, tmp_path: Path, story: str) -> None:
    told(LIBRARIES, COMMON + story, tmp_path, **rest(server))


def test_over_the_plugin(server: LocalServer, tmp_path: Path) -> None:
    python = interpreter(tmp_path, LIBRARIES)
    told(python, COMMON + SKLEARN.replace('"scikit-learn"', '"over the plugin"'), tmp_path, **plugin(server))
