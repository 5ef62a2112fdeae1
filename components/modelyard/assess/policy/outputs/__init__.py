"""Results as others read them: terminal, JSON, SARIF, JUnit, and a comment on a pull request."""
