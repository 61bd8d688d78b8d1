"""One run over several processes, with PyTorch's own engines: copies, shards, parts of matrices, pieces of the stack.

Every process runs the same trainer. What one process alone may do (the log, the requests, the files) the first does;
what it decides (a request, a measured time, a choice) it tells the others, so that all take the same way.
"""
