"""Call `package.module:function`, named by the argument, with Django set up; options and result are JSON.

`World.child` runs it: the process of `python -m benchmarks` has no Django of its own, which is set up once per process.
"""

import importlib
import json
import sys

import django


def main() -> None:
    """Read the options from standard input; write the result as the last line."""
    module, _, name = sys.argv[1].partition(":")
    django.setup()
    function = getattr(importlib.import_module(module), name)
    sys.stdout.write(json.dumps(function(**json.load(sys.stdin))) + "\n")


if __name__ == "__main__":
    main()
