"""The `outrider` command: subcommands imported when called, the demo, the Python call; the one place that knows both halves."""
