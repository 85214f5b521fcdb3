# What bin/deploy and bin/test share: Debian packages and the Python environment. Sourced at the top of the checkout.
# shellcheck shell=sh

# A locale that came along by ssh and is not there stops Ansible; root by plain su lacks the folders of administration.
LC_ALL=C.UTF-8
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export LC_ALL PATH

# The command that gives root's rights, empty for root itself.
if [ "$(id -u)" = 0 ]; then
    as_root=''
else
    as_root='sudo'
fi

# The Python that .venv is made from: Debian's own, which the targets have too, rather than another one on the PATH.
for python in /usr/bin/python3 python3 ''; do
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break
done
[ -n "$python" ] || fail "there is no Python 3.11 or newer, as in Debian 12 and 13"

# need_packages PACKAGE:WITNESS …   install those whose witness (a command, a path, or a Python module) is missing
need_packages() {
    missing=''
    for pair in "$@"; do
        has "${pair#*:}" || missing="$missing ${pair%%:*}"
    done
    [ -n "$missing" ] || return 0
    say "installing from Debian:$missing"
    if [ -n "$as_root" ] && ! command -v sudo >/dev/null; then
        fail "packages are missing and you are not root, nor is there sudo; as root do: apt-get install$missing"
    fi
    # shellcheck disable=SC2086  # words are meant
    if ! $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing </dev/null >/dev/null 2>&1; then
        $as_root apt-get update -qq </dev/null || fail "apt-get update failed: is there a way to the Debian mirror?"
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing </dev/null >/dev/null ||
            fail "apt-get could not install$missing; run the command by hand to see why"
    fi
}

# need_unpacked PACKAGE   have a Debian package's programs on the PATH; of a server that would start if it were installed
need_unpacked() {
    command -v "$1" >/dev/null && return 0
    unpacked=$HOME/.cache/powergraph/$1
    PATH=$PATH:$unpacked/usr/bin
    command -v "$1" >/dev/null && return 0
    say "unpacking from Debian, not installing: $1"
    mkdir -p "$unpacked"
    (
        cd "$unpacked" || exit
        apt-get download -qq "$1" 2>/dev/null || { $as_root apt-get update -qq </dev/null && apt-get download -qq "$1"; }
        dpkg-deb -x "$1"_*.deb . && rm "$1"_*.deb
    )
    command -v "$1" >/dev/null || fail "no $1: apt-get download $1 failed; is there a way to the Debian mirror?"
}

has() {
    case $1 in
    /*) [ -e "$1" ] ;;
    *) command -v "$1" >/dev/null || "$python" -c "import $1" 2>/dev/null ;;
    esac
}

# need_venv FILE   make .venv hold what the requirements file lists; a stamp tells whether it does
need_venv() {
    wanted=$({ echo "$python"; cat requirements*.txt collector/requirements.txt; } | sha256sum | cut -d' ' -f1)
    stamp=.venv/.installed-${1%.txt}
    if [ -x .venv/bin/python ] && .venv/bin/python -c '' 2>/dev/null && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
        return 0
    fi
    say "filling .venv from $1 (a minute)"
    [ "$(readlink -f .venv/bin/python)" = "$(readlink -f "$(command -v "$python")")" ] || "$python" -m venv --clear .venv
    .venv/bin/python -m pip install --quiet --no-compile --disable-pip-version-check --no-input -r "$1" ||
        fail "pip could not install $1: is there a way to the package index? (PIP_INDEX_URL names a mirror)"
    # Ansible's collections, three quarters of all files, are never read as modules of Python
    .venv/bin/python -m compileall -q -j 0 -x ansible_collections .venv/lib ||
        fail "what pip installed from $1 cannot be compiled; remove .venv and begin again"
    echo "$wanted" >"$stamp"
}

# What listens on TCP port 80 here, as far as we may know.
port_80_holder() {
    for table in /proc/net/tcp /proc/net/tcp6; do
        while read -r _ local _ state _ _ _ _ _ inode _; do
            case $local:$state in *:0050:0A) ;; *) continue ;; esac
            # root's processes show their files to root alone
            # shellcheck disable=SC2086  # root needs no word
            link=$($as_root find /proc/[0-9]*/fd -lname "socket:\[$inode\]" </dev/null 2>/dev/null | head -n 1)
            process=${link#/proc/}
            if [ -n "$link" ]; then cat "/proc/${process%%/*}/comm"; else echo "another process"; fi
            return 0
        done <"$table"
    done 2>/dev/null
}
