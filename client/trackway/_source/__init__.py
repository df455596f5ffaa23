"""What a run was started from, recorded beside the training process: changes of its git repository, its packages."""
