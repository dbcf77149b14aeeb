"""Answers of hosts that cheat, told from honest ones, measured on a real model.  `python -m detection`."""
