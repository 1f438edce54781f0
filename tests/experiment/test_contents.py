"""The package says what its modules are for, every one of them."""

import re
from pathlib import Path

from askwell import experiment


def test_every_module_is_in_the_table_of_contents():
    assert experiment.__doc__ is not None
    named = set(re.findall(r"`([a-z_]+)`", experiment.__doc__))
    modules = {path.stem for path in Path(str(experiment.__file__)).parent.glob("*.py")}
    assert named == modules - {"__init__"}
