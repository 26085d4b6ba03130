"""What the capture worker costs for each exchange."""
