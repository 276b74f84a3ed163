"""When to poll, in virtual time: the learned schedule against fixed ones, doubling, and the optimum."""
