"""What the engine starts: the components, served until it ends this process."""

import sys

from modelyard.remote.provider import serve

serve(sys.argv[1:])
