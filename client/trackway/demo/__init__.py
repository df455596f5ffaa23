"""`trackway demo`: a real distributed training streams in and comes out as a production model.

data.py loads the digits and cuts them into shards, network.py is the model and its gradient, worker.py is what each of
the four processes runs, training.py starts them and averages their weights, predict.py is the fresh process that asks
the production model, server.py finds or starts a server, story.py tells all of it in order.
"""
