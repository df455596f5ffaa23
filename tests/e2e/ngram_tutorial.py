"""The tutorial, as its reader types it: predict the next letter of a text. Only the first import is not MLflow's."""

import sys
from collections import Counter
from pathlib import Path

from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

import trackway as mlflow
from trackway import log_metric, log_param


def count_ngrams(text, n):
    return Counter(text[start : start + n] for start in range(len(text) - n + 1))


def train(ngrams, learn_rate):
    contexts = [{str(place): letter for place, letter in enumerate(ngram[:-1])} for ngram in ngrams]
    letters = [ngram[-1] for ngram in ngrams]
    x_train, x_test, y_train, y_test = train_test_split(contexts, letters, random_state=0)
    classifier = SGDClassifier(learning_rate="constant", eta0=learn_rate, max_iter=5, tol=None, random_state=0)
    model = make_pipeline(DictVectorizer(sparse=False), classifier)
    model.fit(x_train, y_train)
    return model, model.score(x_test, y_test)


if __name__ == "__main__":
    file, n, lr = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    counts = count_ngrams(Path(file).read_text(), n)
    model, score = train([ngram for ngram, _ in counts.most_common(500)], lr)

    with mlflow.start_run():
        log_param("data_file", file)
        log_param("n", n)
        log_param("learn_rate", lr)
        log_metric("score", score)
        mlflow.sklearn.log_model(model)
