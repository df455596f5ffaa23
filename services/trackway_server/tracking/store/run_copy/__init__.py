"""A copy of what is searched of runs, in memory, by column: `columns` are it, `search` answers from it (`passing` and
`orders` are its halves), `sources` reads it, `keeping` makes it, brings it up to date and says when to use it."""
