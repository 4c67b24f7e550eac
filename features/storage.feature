Feature: How the files of the levels are stored
  LXD keeps the files of a container in a storage pool: in a directory (dir), or in a btrfs
  filesystem that it makes in a file. A container's files must belong to its own ids.
  Either LXD mounts them idmapped, and they keep the owners of the image on disk, or LXD
  changes their owners on disk. An idmapped mount requires privileges over the filesystem
  (kernel: fs/namespace.c, can_idmap_mount), which no LXD in a level has. For the host's
  LXD it depends on its version and on the kernel: LXD 5.0.2 tests idmapped mounts with a
  user namespace that maps nothing, which Linux refuses since 6.9.

  Background:
    Given an LXD host whose root allocation is "root:500000:196608"

  @requires-private-host
  Rule: An LXD in a level changes the owners of its containers' files on disk

    Scenario: The files of every level have the owners on disk that the LXD above can set
      Given a chain of depth 3 in which every level delegates what the levels below it need
      Then the files of every level have the owners on disk that the LXD above can set
      And the files of level 2 belong on disk to the host ids of that level
      And the files of level 3 belong on disk to the host ids of that level

    Scenario: Without idmapped mounts, the host's LXD changes the owners, too
      Given the LXD of the host cannot use idmapped mounts
      And a chain of depth 2 in which every level delegates what the levels below it need
      Then the files of level 1 belong on disk to the host ids of that level
      And the files of level 2 belong on disk to the host ids of that level
      And files made at every level belong to the host ids of that level
      And the sentinel of the image arrives at every level with its owner and ACL

  @requires-btrfs @requires-tools @requires-private-host
  Rule: A level on btrfs can have its own btrfs storage pool
    The LXD of the level has no device to mount. It makes a subvolume in the subvolume of
    its level, and further subvolumes in it for its containers.

    Background:
      Given btrfs is installed on the host and at every level
      And the storage pool of the host uses the driver btrfs

    Scenario: Level 2 is stored in a subvolume inside that of level 1, and level 3 in a plain directory there
      Given the storage pool of level 1 uses the driver btrfs
      And the storage pool of level 2 uses the driver dir
      And a chain of depth 3 in which every level delegates what the levels below it need
      Then all 3 levels are up
      And level 1 is stored in a btrfs subvolume
      And level 2 is stored in a btrfs subvolume
      And level 3 is stored in a plain directory

    Scenario: Files on btrfs have the same owners as elsewhere
      Given the storage pool of level 1 uses the driver btrfs
      And the storage pool of level 2 uses the driver dir
      And a chain of depth 3 in which every level delegates what the levels below it need
      Then files made at every level belong to the host ids of that level
      And at every level the last id can own a file and the next one cannot
      And the sentinel of the image arrives at every level with its owner and ACL
      And the files of every level have the owners on disk that the LXD above can set

    Scenario: A level on btrfs can have a storage pool in a directory
      Given the storage pool of level 1 uses the driver dir
      And a chain of depth 2 in which every level delegates what the levels below it need
      Then level 1 is stored in a btrfs subvolume
      And level 2 is stored in a plain directory
      And files made at every level belong to the host ids of that level

    Scenario: Three levels are stored in nested subvolumes
      Given the storage pool of level 1 uses the driver btrfs
      And the storage pool of level 2 uses the driver btrfs
      When a chain of depth 3 is built in which every level delegates what the levels below it need
      Then level 3 is stored in a btrfs subvolume
      And files made at every level belong to the host ids of that level

  @requires-btrfs @requires-tools @requires-private-host
  Rule: A level that is not on btrfs cannot have a btrfs storage pool

    Scenario: Level 1 is stored in a directory of the host
      Given btrfs is installed on the host and at every level
      And the storage pool of level 1 uses the driver btrfs
      When a chain of depth 2 is built in which every level delegates what the levels below it need
      Then the build stops at level 2 in operation "storage" for the reason "not on btrfs"
      And the levels above it are still up

  @requires-btrfs @requires-tools @requires-private-host
  Rule: The host's mount options decide whether a level can delete subvolumes
    Without user_subvol_rm_allowed only root of the machine can delete a subvolume. LXD
    mounts its btrfs with that option, unless the pool has other btrfs.mount_options (LXD:
    storage/drivers/driver_btrfs_utils.go, getMountOptions). Without it, an LXD in a level
    cannot delete the containers, volumes and snapshots that it has made.

    Background:
      Given btrfs is installed on the host and at every level
      And the storage pool of the host uses the driver btrfs
      And the storage pool of level 1 uses the driver btrfs

    Scenario: The LXD of level 1 can delete a container
      Given a chain of depth 2 in which every level delegates what the levels below it need
      When the LXD of level 1 makes a container and deletes it again
      Then nothing of the container is left

    Scenario: With other mount options for the host's pool, the LXD of level 1 cannot delete a container
      Given the storage pool of the host is mounted with the options "noatime"
      And a chain of depth 2 in which every level delegates what the levels below it need
      When the LXD of level 1 makes a container and deletes it again
      Then LXD cannot delete it: "Could not destroy subvolume/snapshot: Operation not permitted"
      And the container is still there

    Scenario: With other mount options, the LXD of the host can still delete a container
      Given the storage pool of the host is mounted with the options "noatime"
      And a chain of depth 2 in which every level delegates what the levels below it need
      When the LXD of the host makes a container and deletes it again
      Then nothing of the container is left

  Rule: LXD changes the owners of a volume on disk to the level that it is attached to
    LXD does so even if it mounts the level's own files idmapped (LXD: device/disk.go,
    storagePoolVolumeAttachShift).

    @requires-root
    Scenario Outline: A volume attached to level <level> belongs to that level on disk
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

    Scenario: An LXD in a level cannot attach a shifted volume
      Given a chain of depth 2 in which every level delegates what the levels below it need
      When a shifted storage volume is attached to level 2
      Then LXD cannot attach it: "Required idmapping abilities not available"

  Rule: An attached directory belongs to nobody at the level below
    A directory of the level is not a storage volume: LXD does not change its owners, and
    the level below does not have these ids.

    Scenario: A directory of level 1 is attached to level 2
      Given a chain of depth 2 in which every level delegates what the levels below it need
      When a directory of level 1 with a file of its root is attached to the level below
      Then the directory and the file belong to nobody at level 2

    Scenario: The LXD of level 1 cannot attach the directory with shift=true
      Given a chain of depth 2 in which every level delegates what the levels below it need
      When a directory of level 1 with a file of its root is attached to the level below with shift=true
      Then LXD cannot attach it: "Required idmapping abilities not available"
