"""Runs the jobs when they are due."""
