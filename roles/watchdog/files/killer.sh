#!/bin/sh
# killer.sh: restarts the PowerGraph collector when it is dead, or alive with its polling loop standing still.
#
# cron runs it every ten minutes as root. It looks at the heartbeat that the polling loop writes (whole seconds of
# /proc/uptime at its last round, and its process id), never at the age of samples: silent BMCs or a full disk are no
# reason to restart. It leaves alone what is meant to be stopped: while the maintenance flag exists, while the service
# is disabled, and while systemd itself is starting or stopping it. A plain `systemctl stop` is not a deliberate stop;
# raise the flag first:  touch /etc/powergraph/maintenance
#
# Its settings are in /etc/default/powergraph-watchdog, or in the file given as argument. It exits 0 when all is well
# or was made so, 1 when the collector does not come back, 2 when its settings cannot be read.
set -u
umask 027
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH

service=powergraph
heartbeat=/run/powergraph/heartbeat
maintenance=/etc/powergraph/maintenance
log=/var/log/powergraph-watchdog.log
lock=/run/powergraph-watchdog.lock
limit_s=60    # a heartbeat older than this means that the loop stands still
stop_s=45     # how long a stop may take before SIGKILL
return_s=30   # how long a restarted collector may take to its first heartbeat
systemd=/run/systemd/system
settings=${1:-/etc/default/powergraph-watchdog}
if [ -n "${1:-}" ] || [ -e "$settings" ]; then
    # shellcheck source=/dev/null
    . "$settings" || exit 2
fi

say() {
    printf '%s %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$*" >>"$log"
    logger -t powergraph-watchdog -- "$*" 2>/dev/null || :
}

has_systemd() { [ -d "$systemd" ]; }

# The service's state as one word: running, changing, dead. One that waits in systemd's queue, as at boot, is changing.
state() {
    if has_systemd; then
        case $(systemctl show --property=ActiveState --value "$service.service") in
        active) echo running ;;
        activating | deactivating | reloading | refreshing) echo changing ;;
        *) case $(systemctl show --property=Job --value "$service.service") in '' | 0) echo dead ;; *) echo changing ;; esac ;;
        esac
    elif service "$service" status >/dev/null 2>&1; then
        echo running
    else
        echo dead
    fi
}

# Disabled (or masked, or without rc links) says that it is meant to be off.
disabled() {
    if has_systemd; then
        [ "$(systemctl is-enabled "$service.service" 2>/dev/null)" != enabled ]
    else
        for link in /etc/rc[2345].d/S[0-9][0-9]"$service"; do
            [ ! -L "$link" ] || return 1
        done
    fi
}

main_pid() {
    if has_systemd; then
        systemctl show --property=MainPID --value "$service.service"
    else
        cat "/run/$service.pid" 2>/dev/null
    fi
}

# Seconds since the loop of process $1 last went round, or since the process began where it has not yet.
silence_s() {
    now=$(cut -d. -f1 /proc/uptime)
    beat='' beat_pid=''
    [ ! -r "$heartbeat" ] || read -r beat beat_pid <"$heartbeat" || :
    case $beat in '' | *[!0-9]*) beat='' ;; esac
    if [ -n "$beat" ] && [ "$beat_pid" = "$1" ] && [ "$beat" -le "$now" ]; then
        echo $((now - beat))
    else
        age_s "$1"
    fi
}

# Seconds since process $1 began, by uptime $now; 0 where it is gone.
age_s() {
    read -r line 2>/dev/null <"/proc/$1/stat" || line=''
    # shellcheck disable=SC2086  # its fields, from the third: the second is a name that may hold anything
    set -- ${line##*)}
    [ "$#" -ge 20 ] || { echo 0; return; }
    echo $((now - ${20} / $(getconf CLK_TCK)))
}

# Twice, a moment apart: after the host was suspended, the first look finds an old heartbeat of a healthy loop.
stands_still() {
    [ "$(silence_s "$1")" -gt "$limit_s" ] || return 1
    sleep 5
    [ "$(silence_s "$1")" -gt "$limit_s" ]
}

stop_hard() {
    if has_systemd; then
        timeout "$stop_s" systemctl stop "$service.service" && return
        systemctl kill --signal=KILL "$service.service"
        timeout 15 systemctl stop "$service.service"
        systemctl reset-failed "$service.service" 2>/dev/null
    else
        timeout "$stop_s" service "$service" stop >/dev/null 2>&1 && return
        [ -z "$1" ] || kill -KILL "$1" 2>/dev/null
        timeout 15 service "$service" stop >/dev/null 2>&1
    fi
}

start() {
    if has_systemd; then
        systemctl reset-failed "$service.service" 2>/dev/null
        timeout 60 systemctl start "$service.service"
    else
        timeout 60 service "$service" start >/dev/null 2>&1 9>&-
    fi
}

came_back() {
    waited=0
    while [ "$waited" -lt "$return_s" ]; do
        pid=$(main_pid)
        if [ "$(state)" = running ] && [ "$(cut -d' ' -f2 "$heartbeat" 2>/dev/null)" = "$pid" ]; then
            return 0
        fi
        sleep 1
        waited=$((waited + 1))
    done
    return 1
}

# A process that runs and has never written a heartbeat is replaced once. If that does not help, it may well be healthy
# and the heartbeat elsewhere: that is told, and the process remembered in the lock's file.
leave_alone() {
    say "process $1 runs without ever having written $heartbeat, and is left alone: is that in collector_runtime?"
    echo "$1" >"$lock"
}

left_alone() { [ ! -e "$heartbeat" ] && [ "$(cat "$lock")" = "$1" ]; }

restart_because() {
    say "$1: restarting $service"
    stop_hard "$(main_pid)"
    start
    if came_back; then
        say "$service is collecting again, process $(main_pid)"
    else
        say "$service does not come back; see why: $(has_systemd && echo "journalctl -u $service" || echo "/var/log/$service.log")"
        [ "$(state)" != running ] || [ -e "$heartbeat" ] || leave_alone "$(main_pid)"
        exit 1
    fi
}

exec 9>>"$lock" || exit 2
flock --nonblock 9 || exit 0

[ ! -e "$maintenance" ] || exit 0
case $(state) in
changing) ;;
running)
    pid=$(main_pid)
    if [ -n "$pid" ] && [ "$pid" != 0 ] && ! left_alone "$pid" && stands_still "$pid"; then
        if [ ! -d "${heartbeat%/*}" ]; then
            say "there is no folder ${heartbeat%/*}, which systemd or the init script makes for the heartbeat"
            leave_alone "$pid"
            exit 0
        fi
        restart_because "process $pid is alive, but its polling loop has stood still for $(silence_s "$pid") s"
    fi
    ;;
dead)
    disabled || restart_because "$service is not running"
    ;;
esac
