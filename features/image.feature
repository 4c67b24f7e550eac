Feature: Carrying images into levels
  A level needs no network to get an image: the files of the image are exported from the
  LXD above, pushed into the level and imported there. If the configuration allows it, a
  level can also get images through /dev/lxd. The image arrives unchanged, byte for byte.
  The owners of files in a container of the image depend on the ids that the level has.

  Background:
    Given an LXD host whose root allocation is "root:500000:196608"

  Rule: An image arrives unchanged, with any compression

    Scenario Outline: A <files> image packed by <packing> is carried to level 2
      Given a chain of depth 3 in which every level delegates what the levels below it need
      And the host's LXD has a <files> image packed by <packing>
      When the image is carried down to level 2 and a container is created from it there
      Then every LXD down to level 2 has the image under its original fingerprint
      And the files of the image in level 2 belong to root of that level
      And in the container the files of users 0, 1000 and 65535 keep their owners
      And the ACL of the sentinel arrives in the container

      Examples:
        | files   | packing |
        | split   | none    |
        | split   | gzip    |
        | split   | xz      |
        | split   | zstd    |
        | unified | gzip    |

    @requires-root
    Scenario: A squashfs image loses its access control lists
      mksquashfs and unsquashfs only support the extended attributes user, trusted and
      security.

      Given a chain of depth 3 in which every level delegates what the levels below it need
      And the host's LXD has a split image packed by squashfs
      When the image is carried down to level 2 and a container is created from it there
      Then every LXD down to level 2 has the image under its original fingerprint
      And in the container the files of users 0, 1000 and 65535 keep their owners
      And the ACL of the sentinel is lost in the container

  Rule: Files can be pushed into a stopped level

    Scenario Outline: Level <level> is stopped while the image is pushed into it
      Given a chain of depth 2 in which every level delegates what the levels below it need
      And the host's LXD has a split image packed by gzip
      When the image is carried down to level <level>, which is stopped during the push
      Then every LXD down to level <level> has the image under its original fingerprint
      And the files of the image in level <level> belong to root of that level

      Examples:
        | level |
        | 1     |
        | 2     |

  Rule: A file can only be pushed for a user that the level has
    A push for another user fails after the file was written, and leaves it with the owner
    root. Before 5.0.4, LXD first truncates the id to 32 bits. The last 32-bit id is -1 for chown and
    means that the owner stays the same. (LXD sets the owner by SFTP after it has written the file:
    client/lxd_instances.go and lxd/instance_file.go.)

    Scenario: A file is pushed for the level's last id
      Given a chain of depth 2 in which every level delegates what the levels below it need
      When a file is pushed into level 2 as user and group 65535
      Then the pushed file belongs to user and group 631071 on the host

    # Since 6.4, LXD ignores an owner that the container does not have (canonical/lxd commit 4d962ac9c0).
    @before-lxd-6.4
    Scenario: A push for the next id is refused and leaves the file with the owner root
      Given a chain of depth 2 in which every level delegates what the levels below it need
      When a file is pushed into level 2 as user and group 65536
      Then LXD refuses it at level 2 in operation "push" with "chown .* invalid argument"
      And the pushed file belongs to user and group 565536 on the host

    # Since 6.4, LXD ignores an owner that the container does not have (canonical/lxd commit 4d962ac9c0).
    @lxd @since-lxd-6.4
    Scenario: A file pushed for the next id belongs to root
      Given a chain of depth 2 in which every level delegates what the levels below it need
      When a file is pushed into level 2 as user and group 65536
      Then the pushed file belongs to user and group 565536 on the host

    # LXD checks the number since 5.0.4, 5.21.1 and 6.1 (canonical/lxd commit a304ac03c9).
    @before-lxd-5.0.4
    Scenario Outline: A file pushed as <id> belongs to <whom>
      Given a chain of depth 2 in which every level delegates what the levels below it need
      When a file is pushed into level 2 as user and group <id>
      Then the pushed file belongs to user and group <host> on the host

      Examples:
        | id         | whom              | host   |
        | 4294967295 | root of the level | 565536 |
        | 4294967301 | user 5            | 565541 |

    # LXD checks the number since 5.0.4, 5.21.1 and 6.1 (canonical/lxd commit a304ac03c9).
    @lxd @since-lxd-5.0.4
    Scenario Outline: LXD refuses to push a file as <id>
      Given a chain of depth 2 in which every level delegates what the levels below it need
      When a file is pushed into level 2 as user and group <id>
      Then LXD refuses it at level 2 in operation "push" with "<id>.* value out of range"

      Examples:
        | id         |
        | 4294967295 |
        | 4294967301 |

  Rule: If an image has ids that the LXD does not have, a tar is refused and a squashfs gets other owners
    Inside a user namespace LXD ignores all errors of unsquashfs, because it looks for one
    line that contains two messages (lxd/archive/archive.go; fixed in Incus: lxc/incus#404).
    That includes a host that itself runs in a user namespace.

    Scenario: tar reports the file whose owner cannot be set
      Given a chain of depth 3 in which every level delegates what the levels below it need
      And the host's LXD has a split image packed by gzip
      And a file of the image belongs to user and group 150000
      When the image is carried down to level 2 and a container is created from it there
      # Without the kernel's error text: on a busy machine LXD may not quote all that tar has printed.
      Then LXD refuses it at level 2 in operation "create" with "Cannot change ownership to uid 150000, gid 150000"

    # Exclusive: on a busy machine LXD may check before it has the output of unsquashfs, and then refuses the image.
    # Incus heeds all errors of unsquashfs (lxc/incus#404).
    @lxd @exclusive @requires-root
    Scenario: A squashfs silently gives the file to root
      Given a chain of depth 3 in which every level delegates what the levels below it need
      And the host's LXD has a split image packed by squashfs
      And a file of the image belongs to user and group 150000
      When the image is carried down to level 2 and a container is created from it there
      Then in the container the files of users 0, 1000 and 65535 keep their owners
      And in the container the file of user and group 150000 belongs to user and group 0

    # Incus heeds all errors of unsquashfs (lxc/incus#404).
    @incus
    Scenario: Incus refuses a squashfs with such a file
      Given a chain of depth 3 in which every level delegates what the levels below it need
      And the host's LXD has a split image packed by squashfs
      And a file of the image belongs to user and group 150000
      When the image is carried down to level 2 and a container is created from it there
      Then LXD refuses it at level 2 in operation "create" with "Failed to run: unsquashfs"

  Rule: An id that the LXD has but its container does not becomes another id in the container
    tar sets the owner from the image as an id of the level. Then LXD shifts every owner by
    the container's idmap, but it does not shift ids that are not in the idmap. These stay
    ids of the level, and may be the ids of the container's own users, even of its root.
    (LXD: shared/idmap/shift_linux.go, ShiftOwner.)

    Scenario Outline: A file of id <id> belongs to id <inside> in a container with the ids of the level from 65536 on
      Given a chain of depth 2 in which every level delegates what the levels below it need
      And the host's LXD has a split image packed by gzip
      And a file of the image belongs to user and group <id>
      When the image is carried down to level 1 and a container is created from it there
      Then in the container the files of users 0, 1000 and 65535 keep their owners
      And in the container the file of user and group <id> belongs to user and group <inside>

      Examples:
        | id    | inside |
        | 65536 | 0      |
        | 66536 | 1000   |

  Rule: An import only reads the metadata of an image, and LXD unpacks it for the first container
    So an interrupted transfer is only detected when a container is created. For a squashfs
    in a level, whose errors LXD ignores, it is detected when the container is started. LXD
    waits for the exit of the unpacking program, but not for its output (LXD:
    shared/subprocess/proc.go, start): on a busy machine the output is lost.

    Scenario Outline: Half of a root filesystem packed by <packing> is refused at <operation>
      Given a chain of depth 2 in which every level delegates what the levels below it need
      And the host's LXD has a split image packed by <packing>
      When the first half of the image's root filesystem is imported at level 1 and a container is created from it
      Then LXD refuses it at level 1 in operation "<operation>" with "<words>"

      Examples: tar exits with 2, and LXD quotes none, part or all of its output
        | packing | operation | words                                                                                           |
        | none    | create    | (?s)(non-zero value\|exit status) 2($\| \(tar:\)$\| .*Unexpected EOF)                           |
        | gzip    | create    | (?s)(non-zero value\|exit status) 2($\| \((tar\|gzip):\)$\| .*[Uu]nexpected (EOF\|end of file)) |

      # LXD looks into the root filesystem since 6.8 (canonical/lxd commit 113995668a). Incus heeds all errors (lxc/incus#404).
      @lxd @before-lxd-6.8 @exclusive @requires-root
      Examples: The output of unsquashfs must reach LXD in time to be ignored
        | packing  | operation | words          |
        | squashfs | start     | Failed to exec |

      # LXD looks into the root filesystem since 6.8 (canonical/lxd commit 113995668a). Incus heeds all errors (lxc/incus#404).
      @lxd @since-lxd-6.8 @exclusive @requires-root
      Examples: It must reach LXD in time here, too
        | packing  | operation | words                     |
        | squashfs | create    | Image is missing a rootfs |

      # Incus heeds all errors of unsquashfs (lxc/incus#404).
      @incus
      Examples: Incus ignores no error of unsquashfs
        | packing  | operation | words                     |
        | squashfs | create    | Failed to run: unsquashfs |

    Scenario Outline: An image for another architecture reaches level <level>, but no container is created from it
      Given a chain of depth 2 in which every level delegates what the levels below it need
      And the host's LXD has a split image packed by gzip
      And the image is for the architecture riscv64
      When the image is carried down to level <level> and a container is created from it there
      Then LXD refuses it at level <level> in operation "create" with "Requested architecture (isn't|is not) supported by this host"

      Examples:
        | level |
        | 0     |
        | 1     |
        | 2     |

    @requires-root
    Scenario: On the host LXD reports the errors of unsquashfs
      Given a chain of depth 2 in which every level delegates what the levels below it need
      And the host's LXD has a split image packed by squashfs
      When the first half of the image's root filesystem is imported at level 0 and a container is created from it
      Then LXD refuses it at level 0 in operation "create" with "unsquashfs"

    Scenario Outline: The import of the first <bytes> bytes of a unified image is refused
      Given a chain of depth 2 in which every level delegates what the levels below it need
      And the host's LXD has a unified image packed by none
      When the first <bytes> bytes of the image's metadata is imported at level 1 and a container is created from it
      Then LXD refuses it at level 1 in operation "import" with "<words>"

      Examples: An incomplete header, incomplete metadata, no root filesystem
        | bytes | words                   |
        | 100   | Unsupported compression |
        | 550   | unexpected EOF          |
        | 1000  | Invalid instance type   |

  Rule: A published image has the ids as its container sees them

    Scenario: A container at level 2 is published as an image
      Given a chain of depth 3 in which every level delegates what the levels below it need
      And the host's LXD has a split image packed by gzip
      When a container created from the image at level 2 is stopped and published as an image
      Then the published image at level 2 has the files of users 0, 1000 and 65535 with their owners

    Scenario: A container at level 2 is published, and its image is carried out to the host
      Given a chain of depth 3 in which every level delegates what the levels below it need
      And the host's LXD has a split image packed by gzip
      When a container created from the image at level 2 is published, and the published image is carried out to the host
      Then every LXD from level 2 up has the published image under its fingerprint
      And in the container the files of users 0, 1000 and 65535 keep their owners

  Rule: With security.devlxd.images, root of a level gets public images from the LXD above through /dev/lxd

    @requires-private-host
    Scenario Outline: Root of a level with security.devlxd.images gets a public <files> image
      Given the configuration of level 1 is
        | key                    | value |
        | security.devlxd.images | true  |
      And a chain of depth 1 as described
      And the host's LXD has a public <files> image packed by gzip
      When user 0 of level 1 asks the LXD above for the image
      Then the level receives the image byte for byte

      Examples:
        | files   |
        | split   |
        | unified |

    @requires-root
    Scenario Outline: With security.devlxd.images=<may>, user <user> is refused a <what> image
      Given the configuration of level 1 is
        | key                    | value |
        | security.devlxd.images | <may> |
      And a chain of depth 1 as described
      And the host's LXD has a <what> split image packed by gzip
      When user <user> of level 1 asks the LXD above for the image
      Then the LXD above answers with status <status>

      Examples:
        | user | may   | what    | status |
        | 0    | true  | private | 404    |
        | 1000 | true  | public  | 401    |
        | 0    | false | public  | 403    |

    @requires-root
    Scenario: The LXD of level 1 serves level 2, not the LXD of the host
      Given the configuration of level 1 is
        | key                    | value |
        | security.devlxd.images | true  |
      And the configuration of level 2 is
        | key                    | value |
        | security.devlxd.images | true  |
      And /etc/subuid of level 1 reads
        """
        root:65536:65536
        """
      And /etc/subgid of level 1 reads
        """
        root:65536:65536
        """
      And a chain of depth 2 as described
      And the host's LXD has a public split image packed by gzip
      When user 0 of level 2 asks the LXD above for the image
      Then the LXD above answers with status 404
