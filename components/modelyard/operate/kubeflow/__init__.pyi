from .compiling import Form as Form
from .compiling import compiled as compiled
from .compiling import install as install
from .rendering import rendered as rendered
from .rendering import wrapped as wrapped
