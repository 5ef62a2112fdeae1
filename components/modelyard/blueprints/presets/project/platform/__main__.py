"""The platform of one environment, described in platform.yaml; the stack's name is the environment's."""

import pulumi

from modelyard.blueprints import platform_main

pulumi.run(platform_main)
