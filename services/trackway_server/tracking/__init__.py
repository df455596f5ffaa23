"""The Tracking service: experiments, runs, and the metrics, params and tags of runs."""
