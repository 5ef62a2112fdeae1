"""The price of a stack in a month: a range, what it assumes, and what has no price."""
