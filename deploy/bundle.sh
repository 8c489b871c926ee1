#!/usr/bin/env bash
# All that is needed to install Communiqué on a machine without a network: one archive with
# wheels, for machines of this kind and this Python.  make bundle
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=${1:-.venv/bin/python}
out=${2:-dist}

version=$("$python" -c 'import mailer; print(mailer.__version__)')
kind=$("$python" -c 'import sys, sysconfig; print(f"py{sys.version_info[0]}{sys.version_info[1]}-{sysconfig.get_platform()}")')
name=communique-$version-$kind
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir -p "$work/$name/wheels" "$out"
"$python" -m pip wheel --quiet --disable-pip-version-check -c constraints.txt \
    --wheel-dir "$work/$name/wheels" '.[all]'
cp constraints.txt LICENSE config.example.toml "$work/$name/"
cp -R deploy docs "$work/$name/"
cat > "$work/$name/install.sh" <<'INSTALL'
#!/bin/sh
# Installs Communiqué from this folder, without a network:  sh install.sh /opt/communique
set -eu
into=${1:?say where: sh install.sh /opt/communique}
here=$(cd "$(dirname "$0")" && pwd)
"${PY:-python3}" -m venv "$into"
"$into/bin/python" -m pip install --quiet --disable-pip-version-check --no-index \
    --find-links "$here/wheels" -c "$here/constraints.txt" 'communique[all]'
echo "installed; next: $into/bin/mailer init /srv/news"
INSTALL
(cd "$work/$name" && find . -type f ! -name SHA256SUMS -print0 | sort -z | xargs -0 sha256sum > SHA256SUMS)
# Wheels are compressed already: trying harder is slow and saves nothing.
tar -C "$work" -cf - "$name" | gzip -1 > "$out/$name.tar.gz"
echo "$out/$name.tar.gz"
