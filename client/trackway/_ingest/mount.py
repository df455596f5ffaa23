"""Whether a folder lies on a network file system, where mappings and locks are not to be trusted."""

from __future__ import annotations

import os

NETWORK_TYPES = frozenset(
    """
    nfs nfs4 cifs smb3 smbfs lustre gpfs ceph beegfs beegfs_nodev pvfs2 orangefs panfs afs 9p glusterfs wekafs ocfs2
    gfs2 vboxsf
    """.split()  # noqa: SIM905 - a list of words
)


def is_network(folder: str) -> bool:
    """Whether `folder` is on a network or FUSE file system. Unknown (no /proc): no."""
    device = os.stat(folder).st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as mounts:
            for line in mounts:
                fields = line.split()
                if len(fields) > 2 and fields[2] == wanted:
                    kind = fields[fields.index("-") + 1]
                    return kind in NETWORK_TYPES or kind.startswith("fuse")
    except OSError:
        return False
    return False
