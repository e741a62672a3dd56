#!/bin/sh
# Starts the program in a container. Arguments are those of `sluiceway`, or another command:
#   docker run sluiceway proxy https://files.example.com --listen 0.0.0.0:8080
#   docker run -it sluiceway sh
set -eu

case "${1:-}" in
  # The health check of the image. SLUICEWAY_HEALTH_URL names another place than the admin listener.
  health)
    exec node -e '
      fetch(process.argv[1], { signal: AbortSignal.timeout(2000) }).then(
        (response) => process.exit(response.ok ? 0 : 1),
        () => process.exit(1),
      );' "${SLUICEWAY_HEALTH_URL:-http://127.0.0.1:9180/healthz}"
    ;;
  '' | -* | serve | config | proxy | gateway | sign | verify | keys)
    exec sluiceway "$@"
    ;;
  *)
    exec "$@"
    ;;
esac
