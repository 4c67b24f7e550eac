Feature: Where the files of the levels lie
  LXD keeps the files of a container in a storage pool: in a directory (dir), or in a
  btrfs that it makes in a file of the host. A container's files must belong to its
  own ids. Either LXD mounts them idmapped and leaves them on disk as the image has
  them, or it gives them new owners on disk. To mount idmapped takes the power over
  the filesystem itself (kernel: fs/namespace.c, can_idmap_mount), which no LXD in a level has.
  Which of the two the host's LXD does depends on its version and on the kernel: LXD
  5.0.2 tries with a user namespace that maps nothing, which Linux refuses since 6.9.

  Background:
    Given an LXD host whose root allocation is "root:500000:196608"

  @requires-private-host
  Rule: A LXD in a level gives the files of its containers new owners on disk

    Scenario: Every level has the owners on disk that the LXD above can give
      Given a chain of depth 3 in which every level delegates what the levels below it need
      Then the files of every level have the owners on disk that the LXD above can set
      And the files of level 2 belong on disk to the host ids of that level
      And the files of level 3 belong on disk to the host ids of that level

    Scenario: The LXD of the host does so, too, where it may not mount idmapped
      Given the LXD of the host cannot use idmapped mounts
      And a chain of depth 2 in which every level delegates what the levels below it need
      Then the files of level 1 belong on disk to the host ids of that level
      And the files of level 2 belong on disk to the host ids of that level
      And files made at every level belong to the host ids of that level
      And the sentinel of the image arrives at every level with its owner and ACL

  @requires-btrfs @requires-tools @requires-private-host
  Rule: A level on btrfs can have a storage pool on btrfs of its own
    Its LXD has no device to mount, and makes a subvolume where it lies itself. Those
    of its containers are subvolumes in that.

    Background:
      Given btrfs is installed on the host and at every level
      And the storage pool of the host uses the driver btrfs

    Scenario: Level 2 lies in a subvolume within that of level 1, and level 3 in a directory there
      Given the storage pool of level 1 uses the driver btrfs
      And the storage pool of level 2 uses the driver dir
      And a chain of depth 3 in which every level delegates what the levels below it need
      Then all 3 levels are up
      And level 1 is stored in a btrfs subvolume
      And level 2 is stored in a btrfs subvolume
      And level 3 is stored in a plain directory

    Scenario: Files on btrfs have the owners that they have elsewhere
      Given the storage pool of level 1 uses the driver btrfs
      And the storage pool of level 2 uses the driver dir
      And a chain of depth 3 in which every level delegates what the levels below it need
      Then files made at every level belong to the host ids of that level
      And at every level the last id can own a file and the next one cannot
      And the sentinel of the image arrives at every level with its owner and ACL
      And the files of every level have the owners on disk that the LXD above can set

    Scenario: A level can be on btrfs and have a pool in a directory
      Given the storage pool of level 1 uses the driver dir
      And a chain of depth 2 in which every level delegates what the levels below it need
      Then level 1 is stored in a btrfs subvolume
      And level 2 is stored in a plain directory
      And files made at every level belong to the host ids of that level

    Scenario: Three levels in subvolumes, each within the one above
      Given the storage pool of level 1 uses the driver btrfs
      And the storage pool of level 2 uses the driver btrfs
      When a chain of depth 3 is built in which every level delegates what the levels below it need
      Then level 3 is stored in a btrfs subvolume
      And files made at every level belong to the host ids of that level

  @requires-btrfs @requires-tools @requires-private-host
  Rule: A level that does not lie on btrfs cannot have a storage pool on btrfs

    Scenario: Level 1 lies in a directory of the host
      Given btrfs is installed on the host and at every level
      And the storage pool of level 1 uses the driver btrfs
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then the build stops at level 2 in operation "storage" for the reason "not on btrfs"
      And the levels above it are still up

  @requires-btrfs @requires-tools @requires-private-host
  Rule: Who may delete a subvolume is decided by the mount options of the host
    Without user_subvol_rm_allowed only the machine's root may. LXD mounts its btrfs with
    that option, unless btrfs.mount_options of the pool says something else (LXD:
    storage/drivers/driver_btrfs_utils.go, getMountOptions): then what a LXD in a level
    makes it cannot delete, containers, volumes and snapshots alike.

    Background:
      Given btrfs is installed on the host and at every level
      And the storage pool of the host uses the driver btrfs
      And the storage pool of level 1 uses the driver btrfs

    Scenario: The LXD of level 1 deletes what it has made
      Given a chain of depth 2 in which every level delegates what the levels below it need
      When the LXD of level 1 makes a container and deletes it again
      Then nothing of the container is left

    Scenario: Mount options of its own for the host's pool leave the LXD of level 1 with what it has made
      Given the storage pool of the host is mounted with the options "noatime"
      And a chain of depth 2 in which every level delegates what the levels below it need
      When the LXD of level 1 makes a container and deletes it again
      Then LXD cannot delete it: "Could not destroy subvolume/snapshot: Operation not permitted"
      And the container is still there

    Scenario: They do not keep the LXD of the host from deleting
      Given the storage pool of the host is mounted with the options "noatime"
      And a chain of depth 2 in which every level delegates what the levels below it need
      When the LXD of the host makes a container and deletes it again
      Then nothing of the container is left

  Rule: A storage volume gets new owners on disk, of the level that it is attached to
    Even where LXD mounts the level's own files idmapped (LXD: device/disk.go,
    storagePoolVolumeAttachShift).

    @requires-root
    Scenario Outline: A volume that is attached to level <level>
      Given a chain of depth 2 in which every level delegates what the levels below it need
      When a storage volume is attached to level <level>
      Then the volume and the file belong on disk to the host ids of level <level>

      Examples:
        | level |
        | 2     |

      @requires-private-host
      Examples: A volume of the host's LXD
        | level |
        | 1     |

    Scenario: No volume can be shifted for a level that a LXD in a level makes
      Given a chain of depth 2 in which every level delegates what the levels below it need
      When a shifted storage volume is attached to level 2
      Then LXD cannot attach it: "Required idmapping abilities not available"

  Rule: What a level hands down as it is belongs to nobody below
    A directory of the level is no storage volume: LXD leaves its owners as they are,
    and they are ids that the level below has not.

    Scenario: A directory of level 1 is handed to level 2
      Given a chain of depth 2 in which every level delegates what the levels below it need
      When a directory of level 1 with a file of its root is attached to the level below
      Then the directory and the file belong to nobody at level 2

    Scenario: The LXD of level 1 cannot shift it
      Given a chain of depth 2 in which every level delegates what the levels below it need
      When a directory of level 1 with a file of its root is attached to the level below with shift=true
      Then LXD cannot attach it: "Required idmapping abilities not available"
