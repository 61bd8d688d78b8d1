"""N-gram language models over integer token ids; numpy only."""
