"""What `talks.py` says, for it and for those who look for it."""

QUESTIONS = ("Do you have lamps?", "And tables?", "How many chairs?")
SYSTEM = "You answer questions about the shop. " * 180
