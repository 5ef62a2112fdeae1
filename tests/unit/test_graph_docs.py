import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "graph.md"


# Loading a module of the AWS SDK warns of the old types in it, whoever asks for a new one.
def test_the_example_of_the_graph_page_does_what_it_says():
    (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    exec(compile(example, str(PAGE), "exec"), {"__name__": "example"})
