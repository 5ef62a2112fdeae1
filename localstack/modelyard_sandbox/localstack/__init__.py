"""LocalStack as the sandbox's second emulator: it executes what moto only stores."""
