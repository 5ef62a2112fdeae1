"""The stand-in for Pulumi's `kubernetes` plugin: server-side apply, to the sandbox's API server alone."""
