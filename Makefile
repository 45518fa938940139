# `make book` to read, `make train` to train. Each target is a line or two: the work is in scripts/, reco_core/, book/.
# RECO_PROFILE=smoke | demo | full says how much the chapters compute.

PYTHON = .venv/bin/python
export PATH := $(CURDIR)/.venv/bin:$(PATH)

help:            ## list the targets
	@grep -E '^[a-z]+:.*##' Makefile | sed 's/:.*##/ -/'

.venv/ready: pyproject.toml book/pyproject.toml constraints.txt scripts/setup.sh
	scripts/setup.sh

setup: .venv/ready  ## create .venv with the pinned versions

book: setup      ## execute every chapter from scratch on a copy, then build the HTML book
	$(PYTHON) scripts/execute_notebooks.py
	$(PYTHON) -m reco_book.pages _build/source
	scripts/build_html.sh _build/source

html: setup      ## build the HTML book from the committed outputs, in seconds
	scripts/build_html.sh .

copies: html     ## push the plain copies of the chapters, for Colab and GitHub, to the branch colab
	scripts/push_copies.sh

notebooks: setup ## for authors: execute the chapters and write their outputs back into notebooks/
	$(PYTHON) scripts/execute_notebooks.py --write-back

test: setup      ## style, types, unit tests, every notebook in the smoke profile, a book build
	scripts/test.sh

wheel: setup     ## build the wheel, install it alone into an empty environment and use it
	scripts/wheel.sh

train: setup     ## train ReCo + ClassMix on toyscapes with 20 labels, minutes on two cores
	reco train
	$(PYTHON) -m reco_book.trained runs/toyscapes-20-reco+classmix-seed0

bench: setup     ## time and memory of the loss and of a training step
	for file in benchmarks/*.py; do $(PYTHON) $$file || exit 1; done

clean:           ## remove what was built; the environment and the runs stay
	rm -rf _build

.PHONY: help setup book html copies notebooks test wheel train bench clean
