"""What the other ways in cost."""
