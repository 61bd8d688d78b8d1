"""Finding text that comes more than once: whole documents, near copies, lines."""
