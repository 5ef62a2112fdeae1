"""What AWS takes as an expression, read alike by the checks and by moto's extensions, also inside LocalStack.

LocalStack's environment has neither Pulumi nor modelyard: what lies here imports nothing but the standard library.
"""
