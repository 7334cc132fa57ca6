"""Hours of windows in seconds: the budget and what else people use, in virtual time against one model of the server."""
