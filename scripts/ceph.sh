#!/bin/sh
# Install the Ceph Object Gateway and the Ceph daemons that it needs, for the tests. The
# script starts no service, because the tests start their own processes.
set -eu

programs='radosgw radosgw-admin ceph ceph-mon ceph-mgr ceph-osd ceph-authtool monmaptool'
missing() {
    for program in $programs; do
        command -v "$program" >/dev/null || return 0
    done
    return 1
}

missing || exit 0
"$(dirname "$0")/debian.sh" 'radosgw ceph-mon ceph-mgr ceph-osd ceph-common' \
    "the Ceph Object Gateway for the tests" && ! missing && exit 0
echo "These tests need Ceph (radosgw, ceph-mon, ceph-mgr, ceph-osd). Install it." >&2
exit 1
