# Shared by the other scripts, which source it. Bash, because of arrays, `local` and traps.
# shellcheck shell=bash
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
data=$root/.data
cd "$root"

if [ -t 2 ]; then bold=$'\e[1m' red=$'\e[31m' green=$'\e[32m' dim=$'\e[2m' plain=$'\e[0m'; else bold='' red='' green='' dim='' plain=''; fi

# Progress goes to stderr, so that stdout stays clean for answers such as `services env`.
say() { printf '%s\n' "${bold}roost:${plain} $*" >&2; }
die() {
  printf '%s\n' "${red}roost: $*${plain}" >&2
  exit 1
}

# A free port below 32768, where the kernel assigns no ports to outgoing connections, so that a port which is
# remembered for the next start is unlikely to be taken by then. `free_port 3` prints three different ones.
free_port() {
  node -e '
    const servers = [];
    const tryOne = (left) => {
      const server = require("net").createServer();
      server.once("error", () => (left ? tryOne(left - 1) : process.exit(1)));
      server.listen(20000 + Math.floor(Math.random() * 12000), "127.0.0.1", () => {
        // Held until all are found, so that none comes twice.
        if (servers.push(server) < Number(process.argv[1])) return tryOne(100);
        for (const held of servers) {
          console.log(held.address().port);
          held.close();
        }
      });
    };
    tryOne(100);' "${1:-1}"
}

port_is_free() {
  node -e '
    const server = require("net").createServer();
    server.once("error", () => process.exit(1));
    server.listen(Number(process.argv[1]), process.argv[2], () => server.close());' "$1" "${2:-127.0.0.1}"
}

# The value stored in file $1; if there is none, the output of the following command, which is then stored. Mode 600,
# because it is used for passwords.
remembered() {
  local file=$1 value
  shift
  if [ ! -s "$file" ]; then
    value=$("$@")
    (umask 077 && printf '%s\n' "$value" >"$file")
  fi
  cat "$file"
}

random_hex() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

# Is the process of pid file $1 alive, and does its command line still contain $2? Pids are reused after a reboot, so
# the number alone could be a different process.
is_running() {
  local pid
  pid=$(cat "$1" 2>/dev/null) || return 1
  [ -n "$pid" ] && [ -r "/proc/$pid/cmdline" ] && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF -- "$2"
}

# Ends the process of pid file $1 (checked as in `is_running`) with signal $3, then waits up to $4 seconds before -9.
stop_pid_file() {
  local file=$1 text=$2 signal=${3:-TERM} patience=${4:-10} pid i
  if is_running "$file" "$text"; then
    pid=$(cat "$file")
    kill -s "$signal" "$pid" 2>/dev/null || true
    for ((i = 0; i < patience * 10; i++)); do
      is_running "$file" "$text" || break
      sleep 0.1
    done
    if is_running "$file" "$text"; then kill -9 "$pid" 2>/dev/null || true; fi
  fi
  rm -f "$file"
}

# Builds always go into the project's own folder, whatever the user's settings are, because the scripts look there.
export CARGO_TARGET_DIR=$root/target
export PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1
export PATH=$HOME/.cargo/bin:/usr/sbin:/sbin:$PATH

# step "what" "how long it usually takes" command …: runs it, and prints how long it took.
step() {
  local what=$1 usual=$2 began=$SECONDS
  shift 2
  say "$what ${dim}(usually $usual)${plain}"
  "$@" || die "$what: failed"
  local took=$((SECONDS - began))
  [ $took -lt 3 ] || say "$what: done in ${took} s"
}

# Waits until $1 returns 200, at most $2 seconds. Gives up at once when process $3 is gone.
wait_ready() {
  node -e '
    const [url, seconds, pid] = process.argv.slice(1);
    const alive = () => { try { process.kill(Number(pid), 0); return true; } catch { return false; } };
    const end = Date.now() + seconds * 1000;
    (async () => {
      while (Date.now() < end && (!pid || alive())) {
        try { if ((await fetch(url, { signal: AbortSignal.timeout(2000) })).status === 200) process.exit(0); } catch {}
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      process.exit(1);
    })();' "$@"
}
