#!/bin/sh
# Creates the virtual environment given as $1 and installs the requirements into it.
set -eu

venv=$1

find_python() {
    for candidate in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11 python; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "Python 3.11 or newer is needed and was not found: install it, or name it: make PYTHON=/path/to/python3" >&2
    exit 1
}

create() {
    python=$(find_python)
    rm -rf "$venv"
    "$python" -m venv "$venv" >/dev/null 2>&1 && return
    # Debian packages ensurepip apart from python3; these two bring their own pip.
    rm -rf "$venv"
    "$python" -m virtualenv --quiet "$venv" 2>/dev/null && return
    rm -rf "$venv"
    uv venv --quiet --seed --python "$python" "$venv" 2>/dev/null && return
    rm -rf "$venv"
    echo "$python cannot create a virtual environment: install the python3-venv package (Debian, Ubuntu)" >&2
    exit 1
}

if ! "$venv/bin/python" -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    create
fi

export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
# The two do not touch each other's folders, so they run side by side.
"$venv/bin/python" -m pip install --quiet --no-deps --upgrade --target "$venv/clients" -r requirements-client.txt &
clients=$!
"$venv/bin/python" -m pip install --quiet -r requirements-dev.txt
wait "$clients"
