"""Run as a training process of Trackway, one process each; the last line they print is JSON."""
