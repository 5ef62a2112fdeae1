"""The policy pack: `pulumi preview --policy-pack platform/policy`."""

from pathlib import Path

from modelyard.assess.policy.pack import pack

pack(Path(__file__).resolve().parent)
