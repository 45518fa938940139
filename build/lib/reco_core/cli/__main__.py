"""`python -m reco_core.cli`, which torchrun needs."""

from reco_core.cli.main import main

main()
