"""The demo: a real server, the sidecar, the monitor, live traffic whose inputs drift, and labels that come late."""
