#!/bin/sh
# Make .venv with exactly the packages of requirements.lock. Instant when it already holds them.
# Needs Python 3.11 or newer: $PYTHON, one on the PATH, one of pyenv's, or else uv's own.
set -eu
cd "$(dirname "$0")/.."

stamp=.venv/made-from
wanted=$(cksum <requirements.lock)
if [ -x .venv/bin/python ] && [ "$(cat $stamp 2>/dev/null)" = "$wanted" ]; then
    exit 0
fi

# Fit means: new enough, and able to install packages (Debian parts ensurepip from Python).
is_fit() {
    "$1" -c '
import sys, importlib.util as u
sys.exit(sys.version_info < (3, 11) or not (u.find_spec("ensurepip") or u.find_spec("pip")))
' >/dev/null 2>&1
}

find_python() {
    for candidate in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11 python \
        "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.*/bin/python3; do
        if is_fit "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    command -v uv >/dev/null || return 1
    uv python find '>=3.11' 2>/dev/null || { uv python install -q 3.12 && uv python find 3.12; }
}

if ! python=$(find_python); then
    cat >&2 <<'END'
No Python 3.11 or newer that can install packages was found (looked at $PYTHON, the PATH, pyenv
and uv). On Debian or Ubuntu: apt install python3 python3-venv. Then run make again.
END
    exit 1
fi

echo "Making the environment in .venv with $("$python" --version); this is done once." >&2
rm -rf .venv
if "$python" -c 'import ensurepip' 2>/dev/null; then
    "$python" -m venv .venv
    pip() { .venv/bin/python -m pip "$@"; }
else
    "$python" -m venv --without-pip .venv
    pip() { "$python" -m pip --python .venv/bin/python "$@"; }
fi
if ! pip --disable-pip-version-check install -qq --require-hashes -r requirements.lock; then
    echo "The packages could not be installed (see above). Is a package index reachable?" >&2
    echo "pip reads its index from PIP_INDEX_URL or pip.conf. Then run make again." >&2
    exit 1
fi
# The command `leadgen`; what it needs is there by now.
pip --disable-pip-version-check install -qq --no-deps --no-index --no-build-isolation -e .
echo "$wanted" >$stamp
