# shellcheck shell=bash
# Set-up shared by the scripts beside this folder; source it, then call `set_up run` or `set_up dev`.
#
# From a bare clone on Debian 12/13 or Raspberry Pi OS it makes .venv with the locked packages and brings the Debian
# packages that are missing. It does each thing only when something changed, so a second run costs nothing.
# PYTHON=/path/to/python chooses the interpreter; .venv is made anew when its own is gone.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
venv=$root/.venv

# Debian keeps daemons such as mosquitto in sbin, which a user's PATH does not have.
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
# Whether someone is there to give sudo a password (it asks on the terminal, whatever a command's input is).
if [ -t 0 ]; then attended=yes; else attended=no; fi
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1

say() { printf '==> %s\n' "$*" >&2; }

die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# Run a command as root: as it is when we are root, else through sudo.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif [ "$attended" = yes ]; then
        sudo "$@"
    else
        sudo -n "$@"
    fi
}

can_be_root() {
    [ "$(id -u)" -eq 0 ] || { command -v sudo >/dev/null && { [ "$attended" = yes ] || sudo -n true 2>/dev/null; }; }
}

# apt_install PACKAGE...: install Debian packages, or say in one line what the person has to do.
apt_install() {
    command -v apt-get >/dev/null || die "please install with your system's package manager: $*"
    can_be_root || die "please install these packages as root: apt-get install $*"
    say "installing Debian packages: $*"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq update </dev/null ||
        say "apt-get update failed; trying with the package lists at hand"
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq install -y --no-install-recommends "$@" </dev/null >/dev/null ||
        die "apt-get install $* failed; see above"
}

# The demo and the tests start brokers and other daemons of their own, on loopback ports. Debian's packages would also
# start one for the whole system, and at every boot, which nobody asked for here: so, when it is we who install them, a
# policy (Debian's own hook for that) keeps them down, and their units are disabled. What was there before is left alone.
daemons=(mosquitto gammu-smsd smstools kannel ofono ModemManager)  # by the names of their services

service_of() {
    case "$1" in modemmanager) echo ModemManager ;; *) echo "$1" ;; esac
}

install_without_services() {
    local policy=/usr/sbin/policy-rc.d ours=no package service
    if [ ! -e "$policy" ] && can_be_root; then
        ours=yes
        # shellcheck disable=SC2016  # $1 is the policy's own argument
        printf '#!/bin/sh\ncase "$1" in %s) exit 101 ;; esac\nexit 0\n' "$(IFS='|'; echo "${daemons[*]/%/*}")" |
            as_root sh -c "cat > $policy && chmod 755 $policy"
        # shellcheck disable=SC2064  # expanded now, on purpose
        trap "as_root rm -f $policy" EXIT
    fi
    apt_install "$@"
    if [ "$ours" = yes ]; then
        as_root rm -f "$policy"
        trap - EXIT
    fi
    if [ -d /run/systemd/system ]; then
        for package in "$@"; do
            service=$(service_of "$package")
            case " ${daemons[*]} " in
                *" $service "*)
                    as_root systemctl --quiet disable "$service.service" 2>/dev/null ||
                        say "note: $service.service stays enabled"
                    ;;
            esac
        done
    fi
}

ensure_broker() {
    local missing=()
    command -v mosquitto >/dev/null || missing+=(mosquitto)
    command -v mosquitto_pub >/dev/null || missing+=(mosquitto-clients)
    if [ "${#missing[@]}" -gt 0 ]; then install_without_services "${missing[@]}"; fi
}

# ensure_foreign: other SMS programs, which the tests run on emulated modems. Where one cannot be had, its test is
# skipped and says so; nothing else needs it.
ensure_foreign() {
    local missing=()
    command -v gammu-smsd >/dev/null || missing+=(gammu-smsd)
    command -v smsd >/dev/null || missing+=(smstools)
    command -v bearerbox >/dev/null && command -v smsbox >/dev/null || missing+=(kannel)
    command -v ofonod >/dev/null || missing+=(ofono)
    command -v ModemManager >/dev/null || missing+=(modemmanager)
    if [ "${#missing[@]}" -eq 0 ]; then return; fi
    (install_without_services "${missing[@]}") || say "going on without ${missing[*]}: their tests will be skipped"
}

# ensure_browser: what the tests look at the page with. Without it they are skipped and say so.
ensure_browser() {
    if command -v chromium >/dev/null; then return; fi
    (apt_install chromium) || say "going on without chromium: the tests of the page in a browser will be skipped"
}

# ensure_node: runs the official Node SDK in one of the system tests, which is skipped and says so without it.
ensure_node() {
    local missing=()
    command -v node >/dev/null || missing+=(nodejs)
    command -v npm >/dev/null || missing+=(npm)
    if [ "${#missing[@]}" -eq 0 ]; then return; fi
    (apt_install "${missing[@]}") || say "going on without ${missing[*]}: the test of the Node SDK will be skipped"
}

is_new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    local candidate
    for candidate in ${PYTHON:+"$PYTHON"} python3 python3.13 python3.12 python3.11; do
        if command -v "$candidate" >/dev/null && is_new_enough "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    die "no Python 3.11 or newer found (looked for python3, python3.13, python3.12, python3.11)"
}

ensure_venv() {
    # An environment knows its own absolute path: in a folder that was moved or copied it would reach into the old one.
    if [ -e "$venv/.smsgw-root" ] && [ "$(cat "$venv/.smsgw-root")" != "$root" ]; then
        say "the folder was moved: making .venv anew"
        rm -rf "$venv"
    fi
    if is_new_enough "$venv/bin/python"; then return; fi

    local python version
    python=$(find_python)
    # Debian ships venv without ensurepip unless python3.X-venv is there.
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        apt_install "python$version-venv"
    fi
    say "making .venv with $("$python" --version)"
    rm -rf "$venv"
    "$python" -m venv "$venv" || die "could not make $venv"
    printf '%s\n' "$root" >"$venv/.smsgw-root"
}

# ensure_packages run|dev: the locked packages. `dev` holds everything that `run` does, at the same versions.
ensure_packages() {
    local stamp=$venv/.smsgw-lock digest locks
    digest=$(cat "$root"/requirements*.txt | sha256sum | cut -d' ' -f1)
    case "$(cat "$stamp" 2>/dev/null)" in
        "$1 $digest" | "dev $digest") return ;;
    esac
    case "$1" in
        run) locks=(-r "$root/requirements.txt" -r "$root/requirements-build.txt") ;;
        dev) locks=(-r "$root/requirements-dev.txt") ;;
    esac
    say "installing the locked Python packages ($1)"
    "$venv/bin/python" -m pip install --quiet --require-hashes "${locks[@]}" </dev/null ||
        die "installing the locked packages failed; see above"
    printf '%s %s\n' "$1" "$digest" >"$stamp"
}

# The project itself, editable: its code is taken from the folder, so only new metadata asks for a new installation.
ensure_project() {
    local stamp=$venv/.smsgw-project digest
    digest=$(sha256sum <"$root/pyproject.toml" | cut -d' ' -f1)
    if [ "$(cat "$stamp" 2>/dev/null)" = "$digest" ] && [ -x "$venv/bin/smsgw" ]; then return; fi
    say "installing smsgw into .venv"
    "$venv/bin/python" -m pip install --quiet --no-deps --no-build-isolation --editable "$root" </dev/null ||
        die "installing the project failed; see above"
    printf '%s\n' "$digest" >"$stamp"
}

# set_up run|dev: everything. One at a time per folder, for a demo and a test started side by side.
set_up() {
    exec 9<"$root"
    flock 9
    ensure_venv
    ensure_packages "$1"
    ensure_project
    ensure_broker
    exec 9<&-
}
