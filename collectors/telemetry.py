"""What the sidecar says about itself."""
