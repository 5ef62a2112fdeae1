"""One team in one environment, described in teams/<team>.yaml; the stack's name is <team>-<environment>."""

import pulumi

from modelyard.blueprints import team_main

pulumi.run(team_main)
