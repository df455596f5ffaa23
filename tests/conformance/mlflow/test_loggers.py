"""Loggers that others wrote for MLflow, with their real libraries on tiny models, into a real server."""

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


LIGHTNING = """
import os
import lightning, torch, yaml
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import MLFlowLogger
from mlflow import MlflowClient
from torch.utils.data import DataLoader, TensorDataset

class Net(lightning.LightningModule):
    def __init__(self, width, rate=0.1):
        super().__init__()
        self.save_hyperparameters()
        self.layers = torch.nn.Sequential(torch.nn.Linear(4, width), torch.nn.ReLU(), torch.nn.Linear(width, 1))

    def training_step(self, batch, index):
        loss = ((self.layers(batch[0]) - batch[1]) ** 2).mean()
        self.log("train/loss", loss)
        return loss

    def validation_step(self, batch, index):
        self.log("val_loss", ((self.layers(batch[0]) - batch[1]) ** 2).mean())

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=self.hparams.rate)

torch.manual_seed(0)
inputs = torch.randn(40, 4)
loader = DataLoader(TensorDataset(inputs, inputs.sum(1, keepdim=True)), batch_size=10)
client, server = MlflowClient(), os.environ["MLFLOW_TRACKING_URI"]

def trained(logger, net, **more):
    keep = ModelCheckpoint(dirpath=f"kept-{logger.run_id}", monitor="val_loss", filename="{epoch}", **more)
    trainer = lightning.Trainer(
        max_epochs=3, logger=logger, callbacks=[keep], log_every_n_steps=1, accelerator="cpu",
        enable_progress_bar=False, enable_model_summary=False,
    )
    trainer.fit(net, loader, loader)
    return client.get_run(logger.run_id), keep

def files(run, path=None):
    return [each.path for each in client.list_artifacts(run.info.run_id, path)]

named = {"run_name": "every checkpoint", "tags": {"team": "a"}}
logger = MLFlowLogger("lightning", **named, log_model="all", tracking_uri=server)
net = Net(8)
run, keep = trained(logger, net, save_top_k=-1)
assert (run.info.status, run.info.run_name, run.data.tags["team"]) == ("FINISHED", "every checkpoint", "a"), run
assert client.get_experiment(logger.experiment_id).name == "lightning" and logger.save_dir is None
assert run.data.params == {"width": "8", "rate": "0.1"}, run.data.params
history = client.get_metric_history(run.info.run_id, "train/loss")
assert [point.step for point in history] == list(range(12)) and history[0].value > history[-1].value, history
assert [point.step for point in client.get_metric_history(run.info.run_id, "val_loss")] == [3, 7, 11]
assert files(run) == ["epoch=0", "epoch=1", "epoch=2"], files(run)
best = os.path.basename(keep.best_model_path).removesuffix(".ckpt")
assert files(run, best) == [f"{best}/aliases.txt", f"{best}/{best}.ckpt", f"{best}/metadata.yaml"], files(run, best)
folder = client.download_artifacts(run.info.run_id, best, dst_path=".")
restored = Net.load_from_checkpoint(os.path.join(folder, f"{best}.ckpt"), weights_only=False)
assert best != "epoch=2" or torch.equal(restored.layers(inputs), net.layers(inputs))
with open(os.path.join(folder, "metadata.yaml")) as text:
    assert "val_loss" in text.read()

again = MLFlowLogger(run_id=run.info.run_id, prefix="more", synchronous=False, tracking_uri=server)
run, _ = trained(again, Net(8))
assert run.info.status == "FINISHED" and "more-val_loss" in run.data.metrics, run.data.metrics

last = MLFlowLogger("lightning", log_model=True, tracking_uri=server)
last.log_hyperparams({"nested": {f"key {number}": number for number in range(230)}, "long": "x" * 900})
run, keep = trained(last, Net(2))
assert len(run.data.params) == 233 and run.data.params["nested/key 229"] == "229", len(run.data.params)
assert files(run) == [os.path.basename(keep.best_model_path).removesuffix(".ckpt")], files(run)

class Broken(Net):
    def training_step(self, batch, index):
        raise RuntimeError("a training that fails")

failed = MLFlowLogger("lightning", tracking_uri=server)
try:
    trained(failed, Broken(2))
    raise AssertionError("it did not fail")
except RuntimeError:
    assert client.get_run(failed.run_id).info.status == "FAILED"
"""

TRANSFORMERS = """
import os
os.environ |= {"HF_HUB_OFFLINE": "1", "MLFLOW_EXPERIMENT_NAME": "transformers", "HF_MLFLOW_LOG_ARTIFACTS": "1"}
os.environ |= {"MLFLOW_TAGS": '{"release": "RC1"}', "MLFLOW_FLATTEN_PARAMS": "1"}
import mlflow, torch
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments
from transformers.integrations import MLflowCallback

torch.manual_seed(0)
model = BertForSequenceClassification(BertConfig(
    vocab_size=32, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
    max_position_embeddings=16,
))
samples = [{"input_ids": torch.tensor([2, 3 + number % 20, 5]), "labels": number % 2} for number in range(16)]

def trainer(**more):
    arguments = TrainingArguments(
        "trained", num_train_epochs=2, per_device_train_batch_size=8, logging_steps=1, save_strategy="epoch",
        eval_strategy="epoch", use_cpu=True, disable_tqdm=True, dataloader_pin_memory=False, **more,
    )
    return Trainer(model, arguments, train_dataset=samples, eval_dataset=samples[:8])

made = trainer(report_to="mlflow", run_name="tiny")
assert any(isinstance(each, MLflowCallback) for each in made.callback_handler.callbacks)
result = made.train()
run = mlflow.last_active_run()
assert (run.info.status, run.info.run_name, run.data.tags["release"]) == ("FINISHED", "tiny", "RC1"), run.info
assert mlflow.get_experiment(run.info.experiment_id).name == "transformers"
params = run.data.params
assert (params["hidden_size"], params["num_train_epochs"], params["output_dir"]) == ("8", "2", "trained"), params
assert len(params) > 100, len(params)
client = mlflow.MlflowClient()
losses = client.get_metric_history(run.info.run_id, "loss")
assert [point.step for point in losses] == [1, 2, 3, 4], losses
assert [point.step for point in client.get_metric_history(run.info.run_id, "eval_loss")] == [2, 4]
assert run.data.metrics["train_loss"] == result.training_loss, run.data.metrics
kept = mlflow.search_logged_models([run.info.experiment_id], output_format="list")
assert sorted(each.name for each in kept) == ["checkpoint-2", "checkpoint-4"], kept
newest = next(each for each in kept if each.name == "checkpoint-4")
folder = mlflow.artifacts.download_artifacts(f"models:/{newest.model_id}")
weights = os.path.join(folder, "artifacts", "checkpoint-4")
restored = BertForSequenceClassification.from_pretrained(weights)
tokens = torch.tensor([[2, 4, 5]])
model.eval()
assert torch.allclose(restored(tokens).logits, model(tokens).logits, atol=1e-5)

# Two at once: the training joins the run that is open, and leaves it open.
with mlflow.start_run(run_name="outer") as outer:
    trainer(report_to=["mlflow"]).train()
    assert mlflow.active_run().info.run_id == outer.info.run_id
assert mlflow.get_run(outer.info.run_id).data.metrics["epoch"] == 2.0
"""

LOGGERS = [pytest.param(LIGHTNING, id="lightning"), pytest.param(TRANSFORMERS, id="transformers")]


@pytest.mark.parametrize("story", LOGGERS)
def test_over_mlflows_rest_api(server: LocalServer, tmp_path: Path, story: str) -> None:
    told(LIBRARIES, story, tmp_path, **rest(server))


def test_over_the_plugin(server: LocalServer, tmp_path: Path) -> None:
    python = interpreter(tmp_path, LIBRARIES)
    there = plugin(server)
    told(python, LIGHTNING.replace('"lightning"', '"lightning by the plugin"'), tmp_path, **there)
