"""The paper's equations in plain loops, and the published way of computing the loss: what the library is held to."""
