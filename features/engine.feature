@requires-debian @requires-private-host @slow
Feature: Docker and Podman at every level
  A container engine makes images and starts containers from them, by runc or crun. It must work at
  a level as on the host, within the ids of the level. Nothing comes from a registry.

  Background:
    Given an LXD host whose root allocation is "root:500000:262144"
    And the levels run the bundles
      | level | bundle                     |
      | 1     | debian:trixie,with-engines |
      | 2     | debian:trixie,with-engines |
      | 3     | debian:trixie,with-engines |
    And a chain of depth 3 in which every level keeps a block and delegates the rest, the last level to its root and its user 1000

  Rule: An engine builds an image, runs it and removes it

    Scenario Outline: <engine> of root of level <level> gives its containers the ids of the level
      When root of level <level> builds an image with <engine> and runs it
      Then the container has the uid and gid map of level <level>
      And the container's root and its files have id <id> on the host
      And the container has the file that its image adds, and not the one that its image deletes
      And no container and no image is left

      Examples:
        | engine | level | id     |
        | Docker | 1     | 500000 |
        | Docker | 2     | 565536 |
        | Docker | 3     | 631072 |
        | Podman | 1     | 500000 |
        | Podman | 2     | 565536 |
        | Podman | 3     | 631072 |

    Scenario: Podman of user 1000 gives its containers that user's id and the granted ids
      When user 1000 of level 3 builds an image with Podman and runs it
      Then the container runs with the uid and gid map
        | inside | parent | host   | count |
        | 0      | 1000   | 632072 | 1     |
        | 1      | 65536  | 696608 | 65536 |
      And the container's root and its files have id 632072 on the host
      And the container has the file that its image adds, and not the one that its image deletes
      And no container and no image is left

  Rule: Docker can give containers the ids that an account is granted

    Scenario: Docker of level 3 gives containers the ids of user 1000
      Given Docker gives containers the ids that "user" is granted
      When root of level 3 builds an image with Docker and runs it
      Then the container runs with the uid and gid map
        | inside | parent | host   | count |
        | 0      | 65536  | 696608 | 65536 |
      And the container's root and its files have id 696608 on the host
      And no container and no image is left

    Scenario: Docker does not start at a level that grants user 1000 no ids
      Given Docker gives containers the ids that "user" is granted
      When root of level 2 builds an image with Docker and runs it
      Then the container does not start: "no subuid ranges found for user"

  # Under AppArmor, the profile of such a level forbids all mounts, or allows more: see nesting.feature.
  @on-no-apparmor
  Rule: Without security.nesting, only containers with the ids of the level start
    A level has mounts over parts of its proc. They are locked in a user namespace below it, which
    then cannot mount a proc without them (Linux: fs/namespace.c, mnt_already_visible).

    Scenario: Docker of root of level 3 needs no security.nesting
      Given the configuration of level 3 is
        | key              | value |
        | security.nesting | false |
      When root of level 3 builds an image with Docker and runs it
      Then the container has the uid and gid map of level 3

    Scenario: Docker of level 3 cannot give containers the ids of user 1000
      Given the configuration of level 3 is
        | key              | value |
        | security.nesting | false |
      And Docker gives containers the ids that "user" is granted
      When root of level 3 builds an image with Docker and runs it
      Then the container does not start: "operation not permitted"

    Scenario: Podman of user 1000 of level 3 cannot mount proc
      Given the configuration of level 3 is
        | key              | value |
        | security.nesting | false |
      When user 1000 of level 3 builds an image with Podman and runs it
      Then the container does not start: "mount `proc` to `proc`: Operation not permitted"

  Rule: Images are stored with overlayfs, unless their files are on one
    A level has user namespaces of its own, in which overlayfs keeps what it deletes in other
    attributes (Linux: Documentation/filesystems/overlayfs.rst, userxattr). An overlay filesystem
    cannot be the upper layer of another one.

    Scenario Outline: <engine> of level 3 chooses <driver>
      When root of level 3 builds an image with <engine> and runs it
      Then the image is stored with <driver>

      Examples:
        | engine | driver   |
        | Docker | overlay2 |
        | Podman | overlay  |

    Scenario Outline: Docker of level 3 stores images with <driver>
      Given Docker stores images with <driver>
      When root of level 3 builds an image with Docker and runs it
      Then the image is stored with <driver>
      And the container has the file that its image adds, and not the one that its image deletes
      And the container's root and its files have id 631072 on the host

      Examples:
        | driver         |
        | fuse-overlayfs |
        | vfs            |

    Scenario: On an overlay filesystem, Docker of level 3 chooses fuse-overlayfs
      Given the files of Docker are on an overlay filesystem
      When root of level 3 builds an image with Docker and runs it
      Then the image is stored with fuse-overlayfs
      And the container has the file that its image adds, and not the one that its image deletes

    Scenario: On an overlay filesystem, Docker of level 3 does not start with overlay2
      Given the files of Docker are on an overlay filesystem
      And Docker stores images with overlay2
      When root of level 3 builds an image with Docker and runs it
      Then the container does not start: "driver not supported: overlay2"
