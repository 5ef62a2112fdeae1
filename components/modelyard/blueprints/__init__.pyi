from .programs import Program as Program
from .programs import platform_main as platform_main
from .programs import platform_program as platform_program
from .programs import team_main as team_main
from .programs import team_program as team_program
from .project import Project as Project
from .spec import PlatformSpec as PlatformSpec
from .spec import TeamSpec as TeamSpec
