#!/bin/sh
# Fly mounts a new volume owned by root. Hand the data directory over once, then run as an ordinary user without any way back.
set -eu
data=${XDG_STATE_HOME:-/data}
if [ "$(id -u)" = 0 ]; then
  mkdir -p "$data/flycd"
  chown -R flycd:flycd "$data/flycd"
  exec setpriv --reuid=flycd --regid=flycd --clear-groups --no-new-privs "$@"
fi
exec "$@"
