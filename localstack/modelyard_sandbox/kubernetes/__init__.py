"""A real API server of Kubernetes in the sandbox, without containers: its programs, its processes and its CRDs."""
