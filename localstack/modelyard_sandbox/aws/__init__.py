"""The stand-in for Pulumi's `aws` plugin: a table of resource types over boto3, for the sandbox only."""
