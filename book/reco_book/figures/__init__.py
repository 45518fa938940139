"""Every picture of the book: one function a figure, each returning a Matplotlib `Figure`."""
