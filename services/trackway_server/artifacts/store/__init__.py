"""Where artifacts are kept: the index in SQL or memory, the bytes in a directory or memory."""
