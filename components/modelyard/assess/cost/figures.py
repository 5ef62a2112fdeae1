"""Dollars a month as people read them."""

from __future__ import annotations

from modelyard.assess.cost.changes import Amount, Change


def dollars(amount: Amount | float) -> str:
    """An amount in whole dollars: `$4 to $12`, or `$4`."""
    low, high = amount if isinstance(amount, tuple) else (amount, amount)
    return f"${low:,.0f}" if round(low) == round(high) else f"${low:,.0f} to ${high:,.0f}"


def added(amount: Amount) -> str:
    """A difference with its sign: `+$4 to +$12`, `-$3`; cents below a dollar."""
    low, high = map(_signed, amount)
    return low if low == high else f"{low} to {high}"


def changed(change: Change) -> str:
    """What a change adds, or `no change` where that is less than a cent."""
    return added(change.by) if change.counts else "no change"


def _signed(usd: float) -> str:
    usd = round(usd, 2)
    sign = "-" if usd < 0 else "+"
    return f"{sign}${abs(usd):,.2f}" if abs(usd) < 1 else f"{sign}${abs(usd):,.0f}"
