"""The options and arguments that several commands share, so that each says the same everywhere.

What one module alone has stands there, and so does an option that means something else in one command, such as the
`--yes` of `yard data erase`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Environment = Annotated[
    str | None, typer.Option("--env", "-e", help="The environment. Absent: the first of the platform's file.")
]
RecordedEnvironment = Annotated[str, typer.Option("--env", "-e", help="The environment.")]
"""For commands that record a stack from its files: no cloud is asked, and none has to be set up."""
Sandbox = Annotated[bool, typer.Option("--sandbox", help="The environment that lives on this machine.")]

Team = Annotated[str, typer.Argument(help="The team.")]
InTeam = Annotated[str | None, typer.Option("--team", help="The team that has it. Absent: looked for in all.")]
ModelName = Annotated[str, typer.Argument(help="The model, as the team's file calls it.")]
AnyModel = Annotated[str | None, typer.Argument(help="The model. Absent: all.")]
Version = Annotated[int, typer.Argument(help="The version's number.", min=1)]

Against = Annotated[str | None, typer.Option("--against", help="Compare with the files at this commit, branch or tag.")]
Html = Annotated[Path | None, typer.Option("--html", help="Write a page to this file.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Markdown = Annotated[bool, typer.Option("--markdown", help="Print a comment for a pull request.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")]
