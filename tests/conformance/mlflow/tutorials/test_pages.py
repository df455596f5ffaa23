"""What is taken of a page, and what counts as the same."""

from __future__ import annotations

import json
from pathlib import Path

from conformance.mlflow.tutorials.left import same, unequal, unmeasured
from conformance.mlflow.tutorials.pages import Step, steps

MARKDOWN = """\
# A page

```bash
pip install nothing
```

```python
a = 1
```

  <Tab>
  ```python title="model.py"
  b = 2
  ```
  </Tab>

````python
text = '''
```
%not for Jupyter
'''
````

```python
# %%writefile "./tools/more.py"  # take the sign away

c = 3
```

```python
d = "uc"
```
"""


def test_the_python_of_a_page_is_taken_in_its_order(tmp_path: Path) -> None:
    page = tmp_path / "page.mdx"
    page.write_text(MARKDOWN)
    expected = [
        Step("line 8", "a = 1"),
        Step("line 13", "b = 2", "model.py"),
        Step("line 18", "text = '''\n```\n%not for Jupyter\n'''"),
        Step("line 25", "\n\nc = 3", "tools/more.py"),
        Step("line 31", 'd = "uc"'),
    ]
    assert steps(page) == expected
    assert steps(page, without='"uc"') == expected[:-1]


def test_what_is_for_jupyter_is_not_run(tmp_path: Path) -> None:
    cells = [
        "a = 1\n",
        "%pip install x\nb = 2\nif a:\n    !ls\n",
        "%%sh\nls\n",
        "",
        "%%writefile m.py\nc = 3\n",
        "# %ok\n",
    ]
    listed = [{"cell_type": "code", "source": cell.splitlines(keepends=True)} for cell in cells]
    page = tmp_path / "page.ipynb"
    page.write_text(json.dumps({"cells": [{"cell_type": "markdown", "source": ["b = 1"]}, *listed]}))
    assert steps(page) == [
        Step("cell 1", "a = 1\n"),
        Step("cell 2", "pass\nb = 2\nif a:\n    pass\n"),
        Step("cell 5", "\nc = 3\n", "m.py"),
        Step("cell 6", "# %ok\n"),
    ]


def test_a_script_is_one_step(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("%no\n")
    assert steps(tmp_path / "train.py") == [Step("train.py", "%no\n")]


def test_what_is_chosen_anew_each_time_is_the_same() -> None:
    one = f"run {'0a' * 16} of merry-fox-12 in mlflow-artifacts:/7/x at 1800000000000 after 3.2s"
    other = f"run {'1b' * 16} of able-heron-7 in mlflow-artifacts:/9/y at 1811111111111 after 4s"
    assert same(one) == same(other) != same(one.replace("run", "model"))
    assert same("&lt;scipy.stats....x7fea8e4b5d&gt;") == same("&lt;scipy.stats....x7f0&gt;")
    assert same("{'me...me': array([0.1..., 0.2]), 'me...re': array([0.9])}") == "{'MEASURED, 'me...re': array([0.9])}"


def test_differences_are_told_by_their_places() -> None:
    theirs = {"runs": [{"metrics": {"m": [[0, 1.0]]}, "tags": {"a": "1"}}]}
    assert (
        list(
            unequal("left", theirs, {"runs": [{"metrics": {"m": [[0, 1.0 + 1e-9]]}, "tags": {"a": "1"}}]}, numbers=True)
        )
        == []
    )
    ours = {"runs": [{"metrics": {"m": [[0, 2.0]]}, "tags": {"b": "1"}}]}
    assert list(unequal("left", theirs, ours, numbers=True)) == [
        "left.runs[0].metrics.m[0][1]: 1.0 became 2.0",
        "left.runs[0].tags.a: missing here",
        "left.runs[0].tags.b: here alone",
    ]
    chance = list(unequal("left", theirs, ours, numbers=False))
    assert [line.partition(":")[0] for line in chance] == ["left.runs[0].tags.a", "left.runs[0].tags.b"]
    assert list(unequal("left", {"runs": []}, {"runs": [1]}, numbers=False)) == ["left.runs: '[]' became '[1]'"]
    nan = float("nan")
    assert list(unequal("m", nan, nan, numbers=True)) == []
    assert list(unequal("m", nan, 1.0, numbers=True)) == ["m: nan became 1.0"]


def test_of_long_texts_the_place_is_shown_where_they_part() -> None:
    [line] = unequal("file", "a" * 1000 + "b", "a" * 1000 + "c", numbers=True)
    assert line == f"file: '{'a' * 60}b' became '{'a' * 60}c' (from character 940)"
    assert list(unequal("file", "a", "ab", numbers=True)) == ["file: 'a' became 'ab'"]


def test_times_that_were_measured_are_not_compared_in_a_table() -> None:
    assert unmeasured("mean_fit_time,a,b_time\n0.1,'1,3\n") == "mean_fit_time,a,b_time\n,'1,3\n"
    assert unmeasured('"a"\n1') == '"a"\n1'
