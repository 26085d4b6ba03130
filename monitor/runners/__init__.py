"""Where work that holds the interpreter runs: in a pool of processes."""
