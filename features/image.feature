Feature: Images that are carried inwards
  A level needs no network to get an image: the files of one are exported from the
  LXD above, pushed into the level, and imported there. Where the level is trusted
  with it, its LXD gets an image by /dev/lxd as well. What arrives is the same
  image, byte for byte; what a container of it looks like depends on the ids that
  the level has.

  Background:
    Given an LXD host whose root allocation is "root:500000:196608"

  Rule: An image stays the same image on its way down, however it is packed

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
    Scenario: A squashfs arrives without its access control lists
      (mksquashfs and unsquashfs know the extended attributes of user, trusted and
      security, and no other.)
      Given a chain of depth 3 in which every level delegates what the levels below it need
      And the host's LXD has a split image packed by squashfs
      When the image is carried down to level 2 and a container is created from it there
      Then every LXD down to level 2 has the image under its original fingerprint
      And in the container the files of users 0, 1000 and 65535 keep their owners
      And the ACL of the sentinel is lost in the container

  Rule: Files are pushed into a level whether it runs or not

    Scenario Outline: Level <level> is stopped while it gets the image
      Given a chain of depth 2 in which every level delegates what the levels below it need
      And the host's LXD has a split image packed by gzip
      When the image is carried down to level <level>, which is stopped during the push
      Then every LXD down to level <level> has the image under its original fingerprint
      And the files of the image in level <level> belong to root of that level

      Examples:
        | level |
        | 1     |
        | 2     |

  Rule: A file is pushed for a user that the level has
    A push to another user fails when the file is there already, and leaves it, as
    root's. The id is cut to 32 bits before anybody looks at it, and the last of
    them, which is -1 to chown, means that the owner stays. (LXD 5.0 sets the owner
    by SFTP, after it has written the file: client/lxd_instances.go and
    lxd/instance_file.go. LXD since 2025 leaves the owner out without a word.)

    Scenario: The last id of a level is pushed to
      Given a chain of depth 2 in which every level delegates what the levels below it need
      When a file is pushed into level 2 as user and group 65535
      Then the pushed file belongs to user and group 631071 on the host

    Scenario: The id behind it is refused, and the file is there, as root's
      Given a chain of depth 2 in which every level delegates what the levels below it need
      When a file is pushed into level 2 as user and group 65536
      Then LXD refuses it at level 2 in operation "push" with "chown .* invalid argument"
      And the pushed file belongs to user and group 565536 on the host

    Scenario Outline: A file pushed as <id> is that of <whom>
      Given a chain of depth 2 in which every level delegates what the levels below it need
      When a file is pushed into level 2 as user and group <id>
      Then the pushed file belongs to user and group <host> on the host

      Examples:
        | id         | whom              | host   |
        | 4294967295 | root of the level | 565536 |
        | 4294967301 | user 5            | 565541 |

  Rule: An image of more ids than the LXD has is refused as a tar, and changes hands as a squashfs
    Inside a user namespace LXD ignores whatever unsquashfs complains of: it looks
    for a line with two messages at once (lxd/archive/archive.go; Incus has mended
    it: lxc/incus#404). A host that is in a user namespace itself is such a level, too.

    Scenario: tar says which file cannot get its owner
      Given a chain of depth 3 in which every level delegates what the levels below it need
      And the host's LXD has a split image packed by gzip
      And a file of the image belongs to user and group 150000
      When the image is carried down to level 2 and a container is created from it there
      # Not with the kernel's answer, which tar adds: on a busy machine LXD may quote less than tar has said.
      Then LXD refuses it at level 2 in operation "create" with "Cannot change ownership to uid 150000, gid 150000"

    # It refuses the image after all where it looks before unsquashfs's words have reached it, as on a busy machine.
    @exclusive @requires-root
    Scenario: A squashfs gives the file to root without a word
      Given a chain of depth 3 in which every level delegates what the levels below it need
      And the host's LXD has a split image packed by squashfs
      And a file of the image belongs to user and group 150000
      When the image is carried down to level 2 and a container is created from it there
      Then in the container the files of users 0, 1000 and 65535 keep their owners
      And in the container the file of user and group 150000 belongs to user and group 0

  Rule: An id that the LXD has, and its container has not, becomes another id in the container
    tar sets the owner that the image says, as an id of the level. Then LXD moves
    every owner by the container's idmap, but leaves those that the idmap does not
    have: they stay ids of the level, where they may be those of the container's
    own users, even of its root. (LXD: shared/idmap/shift_linux.go, ShiftOwner.)

    Scenario Outline: A file of id <id> is that of id <inside> in a container that has the ids of the level from 65536 on
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

  Rule: LXD imports what tells its metadata, and unpacks it only for a container
    So a transfer that broke off shows when a container is created; that of a
    squashfs in a level, whose errors nobody reads, only when it is started. LXD
    waits for the end of the program that unpacks, and not for what that says
    (LXD: shared/subprocess/proc.go, start): on a busy machine its words are lost.

    Scenario Outline: Half of a root filesystem packed by <packing> is refused at <operation>
      Given a chain of depth 2 in which every level delegates what the levels below it need
      And the host's LXD has a split image packed by <packing>
      When the first half of the image's root filesystem is imported at level 1 and a container is created from it
      Then LXD refuses it at level 1 in operation "<operation>" with "<words>"

      Examples: tar ends with 2, and is quoted as far as its words are there by then: not at all, its name, or whole
        | packing | operation | words                                                                                           |
        | none    | create    | (?s)(non-zero value\|exit status) 2($\| \(tar:\)$\| .*Unexpected EOF)                           |
        | gzip    | create    | (?s)(non-zero value\|exit status) 2($\| \((tar\|gzip):\)$\| .*[Uu]nexpected (EOF\|end of file)) |

      @exclusive @requires-root
      Examples: What unsquashfs says has to reach LXD in time to be ignored
        | packing  | operation | words          |
        | squashfs | start     | Failed to exec |

    Scenario Outline: An image for other machines is carried to level <level> and refused when a container is made of it
      Given a chain of depth 2 in which every level delegates what the levels below it need
      And the host's LXD has a split image packed by gzip
      And the image is for the architecture riscv64
      When the image is carried down to level <level> and a container is created from it there
      Then LXD refuses it at level <level> in operation "create" with "Requested architecture isn't supported by this host"

      Examples:
        | level |
        | 0     |
        | 1     |
        | 2     |

    @requires-root
    Scenario: On the host LXD reads what unsquashfs says
      Given a chain of depth 2 in which every level delegates what the levels below it need
      And the host's LXD has a split image packed by squashfs
      When the first half of the image's root filesystem is imported at level 0 and a container is created from it
      Then LXD refuses it at level 0 in operation "create" with "unsquashfs"

    Scenario Outline: The first <bytes> bytes of a unified image are refused at once
      Given a chain of depth 2 in which every level delegates what the levels below it need
      And the host's LXD has a unified image packed by none
      When the first <bytes> bytes of the image's metadata is imported at level 1 and a container is created from it
      Then LXD refuses it at level 1 in operation "import" with "<words>"

      Examples: Less than a header, less than the metadata, no root filesystem
        | bytes | words                   |
        | 100   | Unsupported compression |
        | 550   | unexpected EOF          |
        | 1000  | Invalid instance type   |

  Rule: An image that a level makes has the ids that its container sees

    Scenario: A container at level 2 is published there
      Given a chain of depth 3 in which every level delegates what the levels below it need
      And the host's LXD has a split image packed by gzip
      When a container created from the image at level 2 is stopped and published as an image
      Then the published image at level 2 has the files of users 0, 1000 and 65535 with their owners

  Rule: By /dev/lxd a level's root gets an image of the LXD above that is public, if security.devlxd.images lets it

    @requires-private-host
    Scenario Outline: Root of a level that may gets a public <files> image
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
    Scenario Outline: User <user> asks, where it is "<may>" that the level may, for a <what> image
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
    Scenario: Level 2 is served by the LXD of level 1, not by that of the host
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
