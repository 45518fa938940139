"""Runs: a session round a trainer, records, recipes and sweeps."""
