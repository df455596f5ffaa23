"""Bringing what other trackers hold to a Trackway server: `trackway import mlflow`.

`source.py` is the port, `rest.py`, `sql.py` and `files.py` read MLflow through it, none of them with MLflow installed.
`job.py` walks the source and brings all of it to the server: experiments, runs (`run.py`, `plan.py`, `writer.py`),
files (`files_of.py`, `places.py`) and registered models (`models.py`). `report.py` is what comes out.

Nothing is remembered on this machine. What has arrived is asked of the server, so that an import that was killed
anywhere is simply run again, from any machine.
"""
