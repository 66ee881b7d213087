#!/usr/bin/env bash
# A cold upgrade of Heat by kolla-ansible, with the gates between its steps.
#
#   upgrade-heat.sh INVENTORY
#
# It stops at the first gate that is shut. Called again it begins at the step that it is told:
#
#   upgrade-heat.sh INVENTORY synced
#
# The plan is that of docs/runbooks/kolla-ansible.md; before.yaml is the same without what does not
# exist yet, `config` and `service_files` of the target. kolla-ansible must be the new release's.
set -euo pipefail

inventory=${1:?name the inventory}
begin=${2:-pre}
reports=${REPORTS:-/var/lib/heat-upgrade/reports}
image=${IMAGE:?name the new heat-engine image, with its tag}
new=/etc/heat-2026.1

gate() {
    local phase=$1 plan=heat-upgrade.yaml code=0
    shift
    case $phase in pre | stopped) plan=before.yaml ;; esac
    heat-upgrade-check --phase "$phase" --plan "$plan" --reports "$reports" "$@" || code=$?
    if ((code > 1)); then
        echo "gate $phase is shut ($code); nothing further was done" >&2
        exit "$code"
    fi
}

# An engine that is stopped cuts its work off after a minute, so that must end while engines run,
# and no API may give them more.
users_away() {
    local api
    for api in heat-api heat-api-cfn; do
        ansible "$api" -i "$inventory" --become -m ansible.builtin.systemd \
            -a "name=kolla-${api//-/_}-container.service state=stopped"
    done
}

# A db_sync of the role runs again in `upgrade` and does nothing; this one leaves room for a gate.
db_sync() {
    docker run --rm --network host --user root \
        --volume "$new:$new:ro" --volume kolla_logs:/var/log/kolla \
        "$image" /var/lib/kolla/venv/bin/heat-manage --config-file "$new/heat.conf" db_sync
}

case $begin in
pre)
    kolla-ansible pull -i "$inventory" --tags heat
    gate pre
    ;&
stopped)
    users_away
    # A partial gate, which no later one counts; it only waits.
    gate stopped --only stacks.in-progress --wait 1h
    # Without --tags this would stop the whole cloud.
    kolla-ansible stop -i "$inventory" --tags heat --yes-i-really-really-mean-it
    gate stopped --wait 5m
    ;&
installed)
    kolla-ansible genconfig -i "$inventory" --tags heat
    # The tool and both containers must see the files under one path.
    rm -rf "$new"
    cp -a /etc/kolla/heat-engine "$new"
    gate installed
    ;&
synced)
    db_sync
    gate synced
    ;&
post)
    kolla-ansible upgrade -i "$inventory" --tags heat
    gate post --wait 10m
    ;;
*)
    echo "unknown step $begin: pre, stopped, installed, synced or post" >&2
    exit 64
    ;;
esac
